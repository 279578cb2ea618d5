//! A mapping decoded against the keys that a thing can have.

use std::fmt::Display;
use std::str::FromStr;

use super::decode::choices;
use super::node::{Key, Node, Value};
use super::schema::{KeyDoc, Shape};
use crate::core::diagnostic::{Diagnostic, Location, Result, nearest};

/// Several things that are wrong, so that a person hears of all of them at once.
#[derive(Debug, Default)]
pub struct Problems {
    /// What has been found so far, in the order found.
    pub list: Vec<Box<Diagnostic>>,
}

impl Problems {
    /// No problems yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Box<Diagnostic>) {
        self.list.push(problem);
    }

    /// The value, or none after noting the problem.
    pub fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The value if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Box<Diagnostic>>> {
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }
}

/// The mapping that declares one thing, with the keys it can have.
#[derive(Debug)]
pub struct Fields<'a> {
    what: String,
    node: &'a Node,
    entries: &'a [(Key, Node)],
    keys: &'static [KeyDoc],
}

impl<'a> Fields<'a> {
    /// Opens a mapping; `what` is the thing it declares, with its article: `a column`.
    ///
    /// # Errors
    /// `wrong-type` if it is no mapping, `unknown-key` for the first key that is not among `keys`.
    pub fn of(node: &'a Node, what: &str, keys: &'static [KeyDoc]) -> Result<Self> {
        let fields = Self { what: what.to_owned(), node, entries: node.as_map(what)?, keys };
        let unknown = fields.unknown().next();
        unknown.map_or(Ok(fields), Err)
    }

    /// Opens a mapping and notes every unknown key; none only if it is no mapping at all.
    pub fn read(node: &'a Node, what: &str, keys: &'static [KeyDoc], problems: &mut Problems) -> Option<Self> {
        let entries = problems.take(node.as_map(what))?;
        let fields = Self { what: what.to_owned(), node, entries, keys };
        problems.list.extend(fields.unknown());
        Some(fields)
    }

    fn unknown(&self) -> impl Iterator<Item = Box<Diagnostic>> + '_ {
        self.entries.iter().filter(|(key, _)| !self.keys.iter().any(|known| known.name == key.text)).map(|(key, _)| {
            let names = || self.keys.iter().map(|known| known.name);
            let mut error = Diagnostic::error("unknown-key", format!("{} has no key `{}`", self.what, key.text))
                .at(key.location.clone())
                .note(format!("the keys of {} are {}", self.what, names().collect::<Vec<_>>().join(", ")));
            let near = nearest(&key.text, names());
            if !near.is_empty() {
                error = error.help(format!("did you mean {}?", choices(&near)));
            }
            error
        })
    }

    /// The node of the whole mapping.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The place to point at when the mapping as a whole is wrong.
    pub fn place(&self) -> Location {
        self.node.place()
    }

    /// Where a key stands, if it is there.
    pub fn key_place(&self, key: &str) -> Option<Location> {
        self.entry(key).map(|(key, _)| key.location.clone())
    }

    fn entry(&self, key: &str) -> Option<&'a (Key, Node)> {
        debug_assert!(
            self.keys.iter().any(|known| known.name == key),
            "`{key}` is not among the keys of {}",
            self.what
        );
        self.entries.iter().find(|(found, _)| found.text == key)
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Whether a key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key that must be there.
    ///
    /// # Errors
    /// `missing-key`.
    pub fn require(&self, key: &'static str) -> Result<&'a Node> {
        self.get(key).ok_or_else(|| {
            let mut error =
                Diagnostic::error("missing-key", format!("{} needs the key `{key}`", self.what)).at(self.place());
            if let Some(known) = self.keys.iter().find(|known| known.name == key) {
                error = error.note(format!("`{key}`: {}", known.doc));
            }
            error
        })
    }

    /// What a key's value is called in messages.
    pub fn what(&self, key: &str) -> String {
        format!("`{key}` of {}", self.what)
    }

    fn read_with<T>(&self, key: &'static str, read: impl FnOnce(&'a Node, &str) -> Result<T>) -> Result<Option<T>> {
        self.get(key).map(|node| read(node, &self.what(key))).transpose()
    }

    /// A text, see [`Node::as_text`].
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn text(&self, key: &'static str) -> Result<Option<&'a str>> {
        self.read_with(key, Node::as_text)
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `missing-key`, `wrong-type`.
    pub fn require_text(&self, key: &'static str) -> Result<&'a str> {
        self.require(key)?.as_text(&self.what(key))
    }

    /// A piece of SQL, where `null` is a word like others.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn sql(&self, key: &'static str) -> Result<Option<&'a str>> {
        self.read_with(key, |node, what| node.as_word(what, "a piece of SQL"))
    }

    /// A piece of SQL that must be there.
    ///
    /// # Errors
    /// `missing-key`, `wrong-type`.
    pub fn require_sql(&self, key: &'static str) -> Result<&'a str> {
        self.require(key)?.as_word(&self.what(key), "a piece of SQL")
    }

    /// A name, where `null`, `no` and `010` are names like others.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn name(&self, key: &'static str) -> Result<Option<&'a str>> {
        self.read_with(key, |node, what| node.as_word(what, "a name"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn bool(&self, key: &'static str) -> Result<Option<bool>> {
        self.read_with(key, Node::as_bool)
    }

    /// A whole number.
    ///
    /// # Errors
    /// `wrong-type`, `out-of-range`.
    pub fn integer<T>(&self, key: &'static str) -> Result<Option<T>>
    where
        T: FromStr<Err = std::num::ParseIntError> + Display,
    {
        self.read_with(key, Node::as_integer)
    }

    /// A list of words or one word. None and an empty list are told apart.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn text_list(&self, key: &'static str) -> Result<Option<Vec<&'a str>>> {
        self.read_with(key, Node::as_words)
    }

    /// One of the words that the key's [`Shape::OneOf`] lists.
    ///
    /// # Errors
    /// `wrong-type`, `unknown-value`.
    pub fn one_of(&self, key: &'static str) -> Result<Option<&'static str>> {
        let known: &'static [&'static str] = match self.keys.iter().find(|known| known.name == key) {
            Some(KeyDoc { shape: Shape::OneOf(known), .. }) => known,
            _ => &[],
        };
        self.read_with(key, |node, what| node.as_one_of(what, known))
    }

    /// The items of a list; empty when the key is not there.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn list(&self, key: &'static str) -> Result<&'a [Node]> {
        Ok(self.read_with(key, Node::as_list)?.unwrap_or_default())
    }

    /// The entries of a mapping, in the file's order; empty when the key is not there.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn map(&self, key: &'static str) -> Result<&'a [(Key, Node)]> {
        Ok(self.read_with(key, Node::as_map)?.unwrap_or_default())
    }

    /// A mapping from names to texts (options, settings); empty when the key is not there. `null` and `true` are
    /// texts here.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn text_map(&self, key: &'static str) -> Result<Vec<(&'a Key, &'a str)>> {
        let what = self.what(key);
        let one =
            |(name, node): &'a (Key, Node)| Ok((name, node.as_word(&format!("`{}` in {what}", name.text), "a text")?));
        self.map(key)?.iter().map(one).collect()
    }

    /// A text or the path of a file that holds it (`!file`): the path is relative to the YAML file and read by the loader.
    ///
    /// # Errors
    /// `wrong-type`.
    pub fn text_or_file(&self, key: &'static str) -> Result<Option<TextOrFile<'a>>> {
        self.read_with(key, |node, what| match &node.value {
            Value::File(path) => Ok(TextOrFile::File(path)),
            _ => node.as_word(what, "a text, or `!file path`").map(TextOrFile::Text),
        })
    }
}

/// A text that may stand in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOrFile<'a> {
    /// The text itself.
    Text(&'a str),
    /// The path of the file that holds it, relative to the YAML file.
    File(&'a str),
}

#[cfg(test)]
mod tests {
    use super::super::node::parse;
    use super::*;
    use crate::core::diagnostic::Source;

    const KEYS: &[KeyDoc] = &[
        KeyDoc { name: "type", doc: "The data type.", shape: Shape::Text },
        KeyDoc { name: "not_null", doc: "Whether NULL is refused.", shape: Shape::Boolean },
        KeyDoc { name: "default", doc: "The default.", shape: Shape::Sql },
        KeyDoc { name: "storage", doc: "How it is stored.", shape: Shape::OneOf(&["plain", "main"]) },
        KeyDoc { name: "statistics", doc: "The target.", shape: Shape::Integer },
        KeyDoc { name: "to", doc: "Roles.", shape: Shape::TextList },
        KeyDoc { name: "options", doc: "Options.", shape: Shape::TextMap },
        KeyDoc { name: "body", doc: "Body.", shape: Shape::TextOrFile },
    ];

    fn read(text: &str) -> Node {
        parse(&Source::new("a.yaml", text)).unwrap()
    }

    #[test]
    fn known_keys_are_read_by_their_type() {
        let node = read(
            "type: text\nnot_null: true\ndefault: null\nstorage: main\nstatistics: 100\nto: [a, on]\noptions: {x: true, y: 010}\nbody: !file a.sql\n",
        );
        let f = Fields::of(&node, "a column", KEYS).unwrap();
        assert_eq!(f.require_text("type").unwrap(), "text");
        assert_eq!(f.bool("not_null").unwrap(), Some(true));
        assert_eq!(f.sql("default").unwrap(), Some("null"));
        assert_eq!(f.one_of("storage").unwrap(), Some("main"));
        assert_eq!(f.integer::<i32>("statistics").unwrap(), Some(100));
        assert_eq!(f.text_list("to").unwrap(), Some(vec!["a", "on"]));
        let options: Vec<_> = f.text_map("options").unwrap().into_iter().map(|(k, v)| (k.text.as_str(), v)).collect();
        assert_eq!(options, [("x", "true"), ("y", "010")]);
        assert_eq!(f.text_or_file("body").unwrap(), Some(TextOrFile::File("a.sql")));
    }

    #[test]
    fn unknown_keys_suggest_the_nearest() {
        let node = read("type: text\nnotnull: true\ndefualt: 1\n");
        let e = Fields::of(&node, "a column", KEYS).unwrap_err();
        assert_eq!(e.to_string(), "a.yaml:2:1: a column has no key `notnull`");
        assert_eq!(e.help, ["did you mean `not_null`?"]);
        assert!(e.notes[0].starts_with("the keys of a column are type, not_null"));
        let mut problems = Problems::new();
        assert!(Fields::read(&node, "a column", KEYS, &mut problems).is_some());
        assert_eq!(problems.list.len(), 2);
        assert!(problems.finish(()).is_err());
    }

    #[test]
    fn errors_say_what_was_expected_and_found() {
        let node = read("type: [a]\nnot_null: no\n");
        let f = Fields::of(&node, "a column", KEYS).unwrap();
        let e = f.text("type").unwrap_err();
        assert_eq!(e.to_string(), "a.yaml:1:7: `type` of a column must be a text");
        assert_eq!(e.label.as_deref(), Some("this is a list"));
        assert_eq!(f.bool("not_null").unwrap_err().help, ["write `false`, without quotes"]);
        let e = f.require("default").unwrap_err();
        assert_eq!(e.to_string(), "a.yaml:1:1: a column needs the key `default`");
        assert_eq!(e.notes, ["`default`: The default."]);
        assert_eq!(Fields::of(&read("- a"), "a column", KEYS).unwrap_err().code, "wrong-type");
    }
}
