//! Writing YAML that people read and every reader reads alike.
//!
//! A scalar stands without quotes only if YAML 1.1 and 1.2 both read it as the text it is. What is written reads back
//! as what it was: see the property tests.

use std::fmt::Write as _;

/// A value to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// Null.
    Null,
    /// A scalar, in quotes exactly when needed.
    Text(String),
    /// A text of several lines: a literal block (`|`) when it can be one, otherwise as [`Out::Text`].
    Block(String),
    /// `!file path`.
    File(String),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// One item per line.
    List(Vec<Out>),
    /// `[a, b]` on one line.
    Flow(Vec<Out>),
    /// `{a: b}` on one line.
    FlowMap(Vec<(String, Out)>),
    /// One entry per line.
    Map(Vec<(String, Out)>),
}

impl Out {
    /// A scalar, as a literal block where it has several lines.
    pub fn block(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.contains('\n') { Self::Block(text) } else { Self::Text(text) }
    }

    /// A scalar.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of scalars on one line.
    pub fn flow<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Flow(texts.into_iter().map(Self::text).collect())
    }
}

/// The longest key that may stand before its colon without a question mark (YAML 1.2, section 8.2.2, says 1024 characters).
const LONGEST_SIMPLE_KEY: usize = 1000;

/// A whole document, ending in a newline.
pub fn to_yaml(out: &Out) -> String {
    let mut text = String::new();
    match out {
        Out::Map(entries) if !entries.is_empty() => map(&mut text, entries, 0),
        Out::List(items) if !items.is_empty() => list(&mut text, items, 0),
        // A block at the top has no parent to be indented against.
        other => {
            inline(&mut text, other, false);
            text.push('\n');
        }
    }
    text
}

fn map(text: &mut String, entries: &[(String, Out)], indent: usize) {
    for (index, (key, value)) in entries.iter().enumerate() {
        // The first entry of a mapping in a list stands behind the dash.
        if index > 0 || text.is_empty() || text.ends_with('\n') {
            pad(text, indent);
        }
        let key_text = scalar(key, false);
        // An escape takes ten characters at most.
        if key_text.len() > LONGEST_SIMPLE_KEY {
            let _ = write!(text, "? {key_text}\n{:indent$}:", "");
        } else {
            text.push_str(&key_text);
            text.push(':');
        }
        after(text, value, indent);
    }
}

fn list(text: &mut String, items: &[Out], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || text.is_empty() || text.ends_with('\n') {
            pad(text, indent);
        }
        text.push('-');
        match item {
            Out::Map(entries) if !entries.is_empty() => {
                text.push(' ');
                map(text, entries, indent + 2);
            }
            Out::List(inner) if !inner.is_empty() => {
                text.push(' ');
                list(text, inner, indent + 2);
            }
            _ => after(text, item, indent),
        }
    }
}

/// What stands after a key or a dash, to the end of its lines.
fn after(text: &mut String, value: &Out, indent: usize) {
    match value {
        Out::Map(entries) if !entries.is_empty() => {
            text.push('\n');
            map(text, entries, indent + 2);
        }
        Out::List(items) if !items.is_empty() => {
            text.push('\n');
            list(text, items, indent + 2);
        }
        Out::Block(content) if can_be_literal(content) => literal(text, content, indent + 2),
        _ => {
            text.push(' ');
            inline(text, value, false);
            text.push('\n');
        }
    }
}

fn inline(text: &mut String, value: &Out, flow: bool) {
    match value {
        Out::Null => text.push_str("null"),
        Out::Text(content) | Out::Block(content) => text.push_str(&scalar(content, flow)),
        Out::File(path) => {
            text.push_str("!file ");
            text.push_str(&scalar(path, flow));
        }
        Out::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Out::Int(value) => {
            let _ = write!(text, "{value}");
        }
        Out::List(items) | Out::Flow(items) => {
            text.push('[');
            separated(text, items, |text, item| inline(text, item, true));
            text.push(']');
        }
        Out::Map(entries) | Out::FlowMap(entries) => {
            text.push('{');
            separated(text, entries, |text, (key, value)| {
                let key_text = scalar(key, true);
                if key_text.len() > LONGEST_SIMPLE_KEY {
                    text.push_str("? ");
                }
                let _ = write!(text, "{key_text}: ");
                inline(text, value, true);
            });
            text.push('}');
        }
    }
}

fn separated<T>(text: &mut String, items: &[T], each: impl Fn(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        each(text, item);
    }
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a text can stand as it is in a block: something to see on its lines, and nothing invisible between them.
fn can_be_literal(text: &str) -> bool {
    text.contains('\n')
        && text.chars().any(|c| !c.is_whitespace())
        && text.chars().all(|c| c == '\n' || c == '\t' || is_visible(c))
}

fn literal(text: &mut String, content: &str, indent: usize) {
    text.push_str(" |");
    // The indentation is told from the first line, unless that is itself indented or empty.
    if content.starts_with([' ', '\t', '\n']) {
        text.push('2');
    }
    let body = content.trim_end_matches('\n');
    match content.len() - body.len() {
        0 => text.push('-'),
        1 => {}
        _ => text.push('+'),
    }
    text.push('\n');
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(text, indent);
            text.push_str(line);
        }
        text.push('\n');
    }
    text.extend(std::iter::repeat_n('\n', (content.len() - body.len()).saturating_sub(1)));
}

fn scalar(text: &str, flow: bool) -> String {
    if is_plain(text, flow) {
        return text.to_owned();
    }
    let visible = text.chars().all(is_visible);
    if visible && !text.contains('\'') && text.contains(['"', '\\']) {
        return format!("'{text}'");
    }
    double_quoted(text)
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_visible(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// Whether a character shows itself: no control, no white space but the blank, nothing that changes the direction of a line.
fn is_visible(c: char) -> bool {
    match c {
        ' ' => true,
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{ffff}' => false,
        _ => !c.is_control() && !c.is_whitespace(),
    }
}

/// Whether a text reads as itself without quotes, in YAML 1.1 and 1.2.
fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts_well = first.is_alphanumeric() || matches!(first, '_' | '(' | '$' | '/' | '^');
    let reads_as_syntax = text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || (flow && text.contains([',', '[', ']', '{', '}', ':']));
    starts_well && !reads_as_syntax && text.chars().all(is_visible) && !is_other_than_text(text)
}

/// Whether some YAML reader takes a plain text for a boolean, null, a number or a time.
fn is_other_than_text(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"];
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let numeric = |c: char| c.is_ascii_hexdigit() || "_.:+-xXoO".contains(c);
    let date = text.bytes().take(4).all(|b| b.is_ascii_digit()) && text.as_bytes().get(4) == Some(&b'-');
    text.chars().all(numeric) || date
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
