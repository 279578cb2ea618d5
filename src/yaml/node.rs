//! A YAML document as a tree of nodes with their places.
//!
//! Built from the events of granit-parser, the parser underneath serde-saphyr. serde's data model would lose what is needed here:
//! whether a scalar was plain or quoted, the `!file` tag, and the text of a number as it was written.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::core::diagnostic::{Diagnostic, Location, Result, Source};

/// How deep values may be nested, aliases included. Deeper trees would endanger the stack when they are dropped.
const MAX_DEPTH: usize = 200;

/// What aliases may add to a document, in nodes plus 64-byte pieces of text. Nothing a person writes comes near it.
const ALIAS_BUDGET: usize = 2_000_000;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// From its first to its last character, a block without its header. For an alias: where the value is defined.
    pub location: Location,
}

/// A YAML value. Scalars stay text; see the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~`, or a plain `null` (which [`Node::word`] still reads as the word).
    Null,
    /// Any other scalar.
    Text {
        /// The text: for a plain scalar as written, for the other styles decoded.
        text: String,
        /// Whether it was written without quotes (and not as a block), so that `true` may mean a boolean.
        plain: bool,
    },
    /// `!file path`: the content of a file, its path relative to the YAML file.
    File(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; its keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key, decoded.
    pub text: String,
    /// Where it stands.
    pub location: Location,
}

impl Node {
    /// What kind of value this is, for messages: `a mapping`, `the text "x"`, `nothing`.
    pub fn found(&self) -> String {
        match &self.value {
            Value::Null => match self.written().trim() {
                "" => "nothing".to_owned(),
                word => format!("`{word}`"),
            },
            Value::Text { text, .. } if text.contains('\n') || text.chars().count() > 40 => "a longer text".to_owned(),
            Value::Text { text, plain: true } => format!("`{text}`"),
            Value::Text { text, plain: false } => format!("the text {text:?}"),
            Value::File(_) => "a file (`!file`)".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text of a scalar; none for null.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar where `null` is an ordinary word: a name, an enum value, a piece of SQL.
    /// None for nothing, `~`, lists and mappings.
    pub fn word(&self) -> Option<&str> {
        match &self.value {
            Value::Null => Some(self.written()).filter(|w| w.eq_ignore_ascii_case("null")),
            _ => self.text(),
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The place to point at in a message: a scalar as a whole, of anything longer its first line.
    pub fn place(&self) -> Location {
        let written = self.written();
        let first = written.find(['\n', '\r']).unwrap_or(written.len());
        Location::new(&self.location.source, self.location.span.start..self.location.span.start + first)
    }

    /// Where a piece of this node's text (byte offsets into it) stands in the file, whatever the indentation and
    /// folding; the whole node where that cannot be told (escapes).
    pub fn place_of(&self, piece: Range<usize>) -> Location {
        // An error at the end of the input has its place behind the last character.
        if self.text().is_some_and(|text| piece.start >= text.trim_end().len()) {
            return Location::new(&self.location.source, self.location.span.end..self.location.span.end);
        }
        let found = self.text().and_then(|text| align(text, self.written(), piece));
        match found {
            Some(span) => {
                let start = self.location.span.start;
                Location::new(&self.location.source, start + span.start..start + span.end)
            }
            None => self.place(),
        }
    }

    /// The piece of the file this node was read from.
    fn written(&self) -> &str {
        self.location.source.text.get(self.location.span.clone()).unwrap_or_default()
    }
}

/// Finds a piece of a scalar's text in its source form. The two differ in white space and quotes alone, so the other
/// characters are walked side by side. A block is written without quotes but may contain them, so that is tried first.
fn align(text: &str, written: &str, piece: Range<usize>) -> Option<Range<usize>> {
    let quote = written.chars().next().filter(|c| matches!(c, '\'' | '"'));
    walk(text, written, &piece, None).or_else(|| walk(text, written, &piece, Some(quote?)))
}

fn walk(text: &str, written: &str, piece: &Range<usize>, quote: Option<char>) -> Option<Range<usize>> {
    let mut source = written.char_indices().skip(usize::from(quote.is_some())).filter(|(_, c)| !c.is_whitespace());
    let (mut start, mut end) = (None, None);
    for (at, wanted) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        if at >= piece.end && end.is_some() {
            break;
        }
        let (place, found) = source.next()?;
        if found != wanted || (quote == Some('"') && found == '\\') {
            return None;
        }
        if quote == Some('\'') && found == '\'' {
            source.next();
        }
        if at >= piece.start && start.is_none() {
            start = Some(place);
        }
        if start.is_some() {
            end = Some(place + found.len_utf8());
        }
    }
    Some(start?..end?)
}

/// Reads one YAML document.
///
/// Keys are scalars and unique. Aliases and merge keys (`<<`) are resolved; where a mapping has a key itself, that
/// one counts. An empty document is null.
///
/// # Errors
/// Anything that is not well-formed YAML, a duplicate key, a key that is no scalar, an unknown tag, more than one
/// document, nesting deeper than 200 levels, and aliases that would blow the document up.
pub fn parse(source: &Arc<Source>) -> Result<Node> {
    refuse_control_characters(source)?;
    let mut options = granit_parser::options! { simple_key_max_lookahead: 65_536 };
    options.set_emit_comments(false);
    let mut tree = Tree { source, open: Vec::new(), root: None, anchors: HashMap::new(), spent: 0, documents: 0 };
    for event in Parser::new_from_str_with_options(&source.text, options) {
        let (event, span) = event.map_err(|e| syntax_error(source, &e))?;
        tree.take(event, span)?;
    }
    Ok(tree.root.unwrap_or_else(|| Node { value: Value::Null, location: Location::new(source, 0..0) }))
}

fn refuse_control_characters(source: &Arc<Source>) -> Result<()> {
    let bad = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || *b == 0x7f;
    match source.text.as_bytes().iter().position(bad) {
        None => Ok(()),
        Some(at) => Err(Diagnostic::error(
            "yaml-syntax",
            format!("a control character (U+{:04X}) stands in the file", source.text.as_bytes().get(at).unwrap_or(&0)),
        )
        .at(Location::new(source, at..at + 1))
        .note("YAML allows control characters only as escapes in double quotes, such as \"\\x07\"")),
    }
}

fn syntax_error(source: &Arc<Source>, error: &ScanError) -> Box<Diagnostic> {
    let at = error.marker().byte_offset().unwrap_or_else(|| {
        source.text.char_indices().nth(error.marker().index()).map_or(source.text.len(), |(i, _)| i)
    });
    let width = source.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(Location::new(source, at..at + width));
    }
    let message = error.info();
    let mut diagnostic = Diagnostic::error("yaml-syntax", format!("the YAML cannot be read: {message}"))
        .at(Location::new(source, at..at + width));
    let line_start = source.text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let before = source.text.get(line_start..at).unwrap_or_default();
    if before.chars().all(char::is_whitespace) && before.contains('\t') || message.contains("tab") {
        diagnostic = diagnostic.help("indent with spaces; YAML does not allow tabs there");
    } else if message.contains("mapping values are not allowed") {
        diagnostic = diagnostic.help("put text that contains `: ` in quotes, or write it as a block after `|`");
    }
    diagnostic
}

/// A collection whose end has not been seen yet.
struct Open {
    start: usize,
    anchor: usize,
    flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, merged: Vec<(usize, Node)>, key: Option<Key>, merge: Option<Location> },
}

struct Tree<'a> {
    source: &'a Arc<Source>,
    open: Vec<Open>,
    root: Option<Node>,
    /// Anchored nodes with their weight and depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    spent: usize,
    documents: usize,
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let bytes = self.bytes(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Diagnostic::error("several-documents", "a second YAML document begins here")
                        .at(Location::new(self.source, bytes))
                        .help("keep one document per file; a project may have any number of files"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let location = Location::new(self.source, self.scalar_span(bytes, style));
                if self.at_key() {
                    return self.key(text.into_owned(), plain, tag.as_deref(), location, anchor);
                }
                let value = self.scalar(text.into_owned(), plain, tag.as_deref(), &location)?;
                return self.finish(Node { value, location }, anchor);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(bytes, anchor, tag.as_deref(), style, Content::List(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), merged: Vec::new(), key: None, merge: None };
                self.open(bytes, anchor, tag.as_deref(), style, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(bytes.end),
            Event::Alias(id) => return self.alias(id, Location::new(self.source, bytes)),
            _ => {}
        }
        Ok(())
    }

    fn bytes(&self, span: &Span) -> Range<usize> {
        let start = span.start.byte_offset().unwrap_or(self.source.text.len());
        start..span.end.byte_offset().unwrap_or(start).max(start)
    }

    /// A block's span may reach into the white space after it.
    fn scalar_span(&self, span: Range<usize>, style: ScalarStyle) -> Range<usize> {
        if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
            return span;
        }
        let written = self.source.text.get(span.clone()).unwrap_or_default();
        span.start..span.start + written.trim_end().len()
    }

    fn at_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, merge: None, .. }, .. }))
    }

    fn scalar(&self, text: String, plain: bool, tag: Option<&Tag>, location: &Location) -> Result<Value> {
        if let Some(tag) = tag {
            return match (tag.handle(), tag.suffix()) {
                ("!", "file") => Ok(Value::File(text)),
                _ if tag.is_yaml_core_schema_tag("null") => Ok(Value::Null),
                _ if tag.is_yaml_core_schema_tag("str")
                    || matches!((tag.handle(), tag.suffix()), ("" | "!", "" | "!")) =>
                {
                    Ok(Value::Text { text, plain: false })
                }
                _ if tag.core_suffix().is_some() => Ok(Value::Text { text, plain }),
                _ => Err(unknown_tag(tag, location.clone())),
            };
        }
        Ok(match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
            _ => Value::Text { text, plain },
        })
    }

    fn key(&mut self, text: String, plain: bool, tag: Option<&Tag>, location: Location, anchor: usize) -> Result<()> {
        match tag {
            Some(tag) if tag.core_suffix().is_none() => return Err(unknown_tag(tag, location)),
            _ => {}
        }
        if anchor != 0 {
            let node = Node { value: Value::Text { text: text.clone(), plain }, location: location.clone() };
            self.anchors.insert(anchor, (node, 1 + text.len() / 64, 1));
        }
        if let Some(Open { content: Content::Map { key, merge, .. }, .. }) = self.open.last_mut() {
            if plain && text == "<<" {
                *merge = Some(location);
            } else {
                *key = Some(Key { text, location });
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        span: Range<usize>,
        anchor: usize,
        tag: Option<&Tag>,
        style: granit_parser::StructureStyle,
        content: Content,
    ) -> Result<()> {
        let location = Location::new(self.source, span.clone());
        if self.at_key() {
            return Err(not_a_scalar_key(location));
        }
        let ours = if matches!(content, Content::List(_)) { "seq" } else { "map" };
        if let Some(tag) = tag.filter(|t| !t.is_yaml_core_schema_tag(ours)) {
            return Err(unknown_tag(tag, location));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(location));
        }
        let flow = style == granit_parser::StructureStyle::Flow;
        self.open.push(Open { start: span.start, anchor, flow, content });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<()> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, last) = match open.content {
            Content::List(items) => {
                let last = items.last().map(|n| n.location.span.end);
                (Value::List(items), last)
            }
            Content::Map { entries, merged, .. } => {
                let last = entries.last().map(|(k, n)| n.location.span.end.max(k.location.span.end));
                refuse_duplicates(&entries)?;
                (Value::Map(merge_into(entries, merged)), last)
            }
        };
        // A block collection ends with its last entry (which may be an alias, standing elsewhere), a flow one with its bracket.
        let end = if open.flow { end } else { last.unwrap_or(open.start).clamp(open.start, end.max(open.start)) };
        let location = Location::new(self.source, open.start..end);
        self.finish(Node { value, location }, open.anchor)
    }

    fn alias(&mut self, id: usize, location: Location) -> Result<()> {
        let Some((node, weight, depth)) = self.anchors.get(&id) else {
            return Err(Diagnostic::error("yaml-syntax", "an alias stands inside the value it names").at(location));
        };
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep(location));
        }
        self.spent = self.spent.saturating_add(*weight);
        if self.spent > ALIAS_BUDGET {
            return Err(too_much(location));
        }
        let node = node.clone();
        if self.at_key() {
            return match node.value {
                Value::Text { text, plain } => self.key(text, plain, None, location, 0),
                _ => Err(not_a_scalar_key(location)),
            };
        }
        self.finish(node, 0)
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<()> {
        if anchor != 0 {
            let (weight, depth) = measure(&node);
            // The copy kept for the aliases counts as one of them: anchors inside anchors add up as well.
            self.spent = self.spent.saturating_add(weight);
            if self.spent > ALIAS_BUDGET {
                return Err(too_much(node.place()));
            }
            self.anchors.insert(anchor, (node.clone(), weight, depth));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, merged, key, merge }) => {
                if let Some(location) = merge.take() {
                    let sources = match node.value {
                        Value::List(items) => items,
                        _ => vec![node],
                    };
                    for source in sources {
                        if source.entries().is_none() {
                            let found = source.found();
                            return Err(Diagnostic::error("merge-key", "`<<` takes a mapping or a list of mappings")
                                .at(source.place())
                                .label(format!("this is {found}"))
                                .related(location, "the merge key"));
                        }
                        merged.push((entries.len(), source));
                    }
                } else if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
        }
        Ok(())
    }
}

/// Nodes plus 64-byte pieces of text, and depth.
fn measure(node: &Node) -> (usize, usize) {
    match &node.value {
        Value::Null => (1, 1),
        Value::Text { text, .. } | Value::File(text) => (1 + text.len() / 64, 1),
        Value::List(items) => {
            items.iter().map(measure).fold((1, 1), |(w, d), (weight, depth)| (w + weight, d.max(depth + 1)))
        }
        Value::Map(entries) => entries.iter().fold((1, 1), |(w, d), (key, node)| {
            let (weight, depth) = measure(node);
            (w + weight + 1 + key.text.len() / 64, d.max(depth + 1))
        }),
    }
}

fn refuse_duplicates(entries: &[(Key, Node)]) -> Result<()> {
    let mut order: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
    order.sort_by(|a, b| a.text.cmp(&b.text).then(a.location.span.start.cmp(&b.location.span.start)));
    let twice = order.windows(2).filter_map(|pair| match pair {
        [first, second] if first.text == second.text => Some((*first, *second)),
        _ => None,
    });
    match twice.min_by_key(|(_, second)| second.location.span.start) {
        None => Ok(()),
        Some((first, second)) => {
            Err(Diagnostic::error("duplicate-key", format!("the key `{}` stands twice in one mapping", second.text))
                .at(second.location.clone())
                .label("here again")
                .related(first.location.clone(), "first here")
                .help("remove or rename one of them"))
        }
    }
}

/// Adds merged entries where their `<<` stood; a mapping's own keys win, then the earlier merged mapping.
fn merge_into(entries: Vec<(Key, Node)>, merged: Vec<(usize, Node)>) -> Vec<(Key, Node)> {
    if merged.is_empty() {
        return entries;
    }
    let mut seen: std::collections::HashSet<String> = entries.iter().map(|(key, _)| key.text.clone()).collect();
    let mut merged = merged.into_iter().peekable();
    let mut out = Vec::with_capacity(entries.len());
    let mut add = |node: Node, out: &mut Vec<(Key, Node)>| {
        if let Value::Map(entries) = node.value {
            out.extend(entries.into_iter().filter(|(key, _)| seen.insert(key.text.clone())));
        }
    };
    for (index, entry) in entries.into_iter().enumerate() {
        while let Some((_, node)) = merged.next_if(|(at, _)| *at <= index) {
            add(node, &mut out);
        }
        out.push(entry);
    }
    merged.for_each(|(_, node)| add(node, &mut out));
    out
}

fn unknown_tag(tag: &Tag, location: Location) -> Box<Diagnostic> {
    Diagnostic::error("unknown-tag", format!("the tag `{}` means nothing here", tag.original()))
        .at(location)
        .help("`!file path` is the only tag of the language: the content of a file; put a text that begins with `!` in quotes")
}

fn not_a_scalar_key(location: Location) -> Box<Diagnostic> {
    Diagnostic::error("key-not-scalar", "a list or a mapping stands where a key is expected")
        .at(location)
        .help("put the key in quotes if its name has brackets or braces in it")
}

fn too_deep(location: Location) -> Box<Diagnostic> {
    Diagnostic::error("yaml-too-deep", format!("values are nested deeper than {MAX_DEPTH} levels")).at(location)
}

fn too_much(location: Location) -> Box<Diagnostic> {
    Diagnostic::error("yaml-too-large", "aliases make the document too large")
        .at(location)
        .note(format!("resolved aliases may add {ALIAS_BUDGET} values to a file"))
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
