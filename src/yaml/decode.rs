//! One node read as one thing: a text, a word, a boolean, a number, a list, a mapping.
//!
//! Each function takes what the value is for (``"`type` of a column"``), and says in its error what was expected, what
//! was found and where.

use std::fmt::Display;
use std::str::FromStr;

use super::node::{Key, Node, Value};
use crate::core::diagnostic::{Diagnostic, Result, nearest};

impl Node {
    /// The error for a value of the wrong kind.
    pub fn mismatch(&self, what: &str, expected: &str) -> Box<Diagnostic> {
        Diagnostic::error("wrong-type", format!("{what} must be {expected}"))
            .at(self.place())
            .label(format!("this is {}", self.found()))
    }

    /// A text. Null is none: `null` in quotes is.
    ///
    /// # Errors
    /// `wrong-type` when it is anything else.
    pub fn as_text(&self, what: &str) -> Result<&str> {
        match &self.value {
            Value::Text { text, .. } => Ok(text),
            Value::Null => {
                Err(self.mismatch(what, "a text").help("leave the key out, or put the text in quotes: \"\", \"null\""))
            }
            Value::List(_) | Value::Map(_) | Value::File(_) => Err(self.quoting_hint(self.mismatch(what, "a text"))),
        }
    }

    /// A word where `null` is a word like others: a name, an enum value, SQL.
    ///
    /// # Errors
    /// `wrong-type` when it is nothing, a list or a mapping.
    pub fn as_word(&self, what: &str, expected: &str) -> Result<&str> {
        self.word().ok_or_else(|| self.quoting_hint(self.mismatch(what, expected)))
    }

    /// `true` or `false`, without quotes.
    ///
    /// # Errors
    /// `wrong-type`; for `yes`, `on` and their like with the word to write instead.
    pub fn as_bool(&self, what: &str) -> Result<bool> {
        let word = self.text().unwrap_or_default();
        match &self.value {
            Value::Text { plain: true, text } if text == "true" => return Ok(true),
            Value::Text { plain: true, text } if text == "false" => return Ok(false),
            _ => {}
        }
        let error = self.mismatch(what, "`true` or `false`");
        let meant = match word.to_lowercase().as_str() {
            "yes" | "y" | "on" | "1" | "true" | "t" | "enabled" => "true",
            "no" | "n" | "off" | "0" | "false" | "f" | "disabled" => "false",
            _ => return Err(error),
        };
        Err(error.help(format!("write `{meant}`, without quotes")))
    }

    /// A whole number in decimal digits that fits the type asked for.
    ///
    /// # Errors
    /// `wrong-type` when it is anything else, `out-of-range` when it does not fit.
    pub fn as_integer<T: FromStr<Err = std::num::ParseIntError> + Display>(&self, what: &str) -> Result<T> {
        let Value::Text { text, plain: true } = &self.value else {
            return Err(self.mismatch(what, "a whole number, without quotes"));
        };
        match text.parse::<T>() {
            Ok(number) => Ok(number),
            Err(e) if matches!(e.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow) => {
                Err(Diagnostic::error("out-of-range", format!("{what} is out of range")).at(self.place()))
            }
            Err(_) => Err(self.mismatch(what, "a whole number")),
        }
    }

    /// A list of words; one word stands for a list of one. `null` is a word here.
    ///
    /// # Errors
    /// `wrong-type` when it is anything else.
    pub fn as_words(&self, what: &str) -> Result<Vec<&str>> {
        match self.items() {
            Some(items) => items.iter().map(|item| item.as_word(&format!("an item of {what}"), "a text")).collect(),
            None => Ok(vec![self.as_word(what, "a text or a list of texts")?]),
        }
    }

    /// The items of a list. Null is an empty one.
    ///
    /// # Errors
    /// `wrong-type` when it is anything else.
    pub fn as_list(&self, what: &str) -> Result<&[Self]> {
        match &self.value {
            Value::List(items) => Ok(items),
            Value::Null => Ok(&[]),
            _ => Err(self.mismatch(what, "a list").help("write `[a, b]`, or one `- item` per line")),
        }
    }

    /// The entries of a mapping, in the file's order. Null is an empty one, so that a key with nothing under it is no error.
    ///
    /// # Errors
    /// `wrong-type` when it is anything else.
    pub fn as_map(&self, what: &str) -> Result<&[(Key, Self)]> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            Value::List(_) => {
                Err(self.mismatch(what, "a mapping").help("write `name: definition` lines, without the dashes"))
            }
            _ => Err(self.mismatch(what, "a mapping").help("write `name: definition` lines, indented under the key")),
        }
    }

    /// One of a few words.
    ///
    /// # Errors
    /// `wrong-type` when it is no word, `unknown-value` with the nearest and all known ones when it is another.
    pub fn as_one_of(&self, what: &str, known: &[&'static str]) -> Result<&'static str> {
        let word = self.as_word(what, &choices(known))?;
        match known.iter().find(|k| **k == word).or_else(|| known.iter().find(|k| k.eq_ignore_ascii_case(word))) {
            Some(found) => Ok(found),
            None => {
                let mut error = Diagnostic::error("unknown-value", format!("{what} cannot be `{word}`"))
                    .at(self.place())
                    .note(format!("it is {}", choices(known)));
                if let Some(name) = nearest(word, known.iter().copied()).first() {
                    error = error.help(format!("did you mean `{name}`?"));
                }
                Err(error)
            }
        }
    }

    /// `default: [` or `default: {}` are text that needs quotes.
    fn quoting_hint(&self, error: Box<Diagnostic>) -> Box<Diagnostic> {
        let flow = self.location.source.text.get(self.location.span.start..).is_some_and(|t| t.starts_with(['{', '[']));
        if flow { error.help("put a text that begins with a bracket or a brace in quotes") } else { error }
    }
}

/// `` `a`, `b` or `c` ``.
pub(super) fn choices(known: &[&str]) -> String {
    let quoted: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::parse;
    use crate::core::diagnostic::Source;

    fn read(text: &str) -> super::Node {
        parse(&Source::new("a.yaml", text)).unwrap()
    }

    #[test]
    fn booleans_are_true_and_false() {
        assert!(read("true").as_bool("`x`").unwrap());
        assert!(!read("false").as_bool("`x`").unwrap());
        let e = read("yes").as_bool("`not_null`").unwrap_err();
        assert_eq!(e.to_string(), "a.yaml:1:1: `not_null` must be `true` or `false`");
        assert_eq!(e.label.as_deref(), Some("this is `yes`"));
        assert_eq!(e.help, ["write `true`, without quotes"]);
        assert!(read("'true'").as_bool("`x`").is_err());
        assert!(read("maybe").as_bool("`x`").unwrap_err().help.is_empty());
    }

    #[test]
    fn integers_fit_or_are_refused() {
        assert_eq!(read("-3").as_integer::<i64>("`x`").unwrap(), -3);
        assert_eq!(read("300").as_integer::<u8>("`x`").unwrap_err().code, "out-of-range");
        for text in ["'3'", "3.0", "1_000", "x", "~", "[3]"] {
            assert_eq!(read(text).as_integer::<i64>("`x`").unwrap_err().code, "wrong-type", "{text}");
        }
    }

    #[test]
    fn null_is_a_word_where_words_are_names() {
        assert_eq!(read("[null, no, 010]").as_words("`values`").unwrap(), ["null", "no", "010"]);
        assert_eq!(read("null").as_word("`default`", "SQL").unwrap(), "null");
        assert!(read("null").as_text("`comment`").is_err());
        assert!(read("[a, ~]").as_words("`values`").is_err());
        assert_eq!(read("one").as_words("`to`").unwrap(), ["one"]);
    }

    #[test]
    fn one_of_names_the_choices() {
        assert_eq!(read("Forced").as_one_of("`rls`", &["enabled", "forced"]).unwrap(), "forced");
        let e = read("enable").as_one_of("`rls`", &["enabled", "forced", "disabled"]).unwrap_err();
        assert_eq!(e.notes, ["it is `enabled`, `forced` or `disabled`"]);
        assert_eq!(e.help, ["did you mean `enabled`?"]);
    }

    #[test]
    fn brackets_that_are_meant_as_text_get_a_hint() {
        let e = read("{}").as_text("`default`").unwrap_err();
        assert_eq!(e.help, ["put a text that begins with a bracket or a brace in quotes"]);
        assert!(read("- a").as_map("`columns`").unwrap_err().help[0].contains("without the dashes"));
    }
}
