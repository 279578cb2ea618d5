//! Operator classes whose being the default depends on the server.
//!
//! PostgreSQL prints no class that is the default. For GiST over `inet` and `cidr` that is another one from 19 on
//! ([`versions::GIST_INET_DEFAULT`]), so that `USING gist (ip)` read from one server makes another index on the next. A definition
//! that is read always names such a class. In one that is declared it may be left out: then the live server's default is meant.

use std::ops::Range;

use crate::core::versions;
use crate::sql::lexer::{Token, closing, tokens};

/// The classes that are the default on some servers only. `tests/majors.rs` holds that there are no others.
pub(crate) const CONTESTED: [&str; 3] = ["inet_ops", "gist_inet_ops", "gist_cidr_ops"];

/// One column or expression of an index: where its class stands, or could stand.
struct Element {
    class: Range<usize>,
    /// The class's name without its schema; empty where none is said.
    name: String,
}

/// The columns and expressions of a GiST index or exclusion constraint; none of any other definition.
fn elements(definition: &str) -> Vec<Element> {
    let Ok(all) = tokens(definition) else { return Vec::new() };
    let is = |at: usize, word: &str| all.get(at).is_some_and(|t| t.is(definition, word));
    let using = usize::from(is(0, "exclude"));
    if !is(using, "using") || !is(using + 1, "gist") {
        return Vec::new();
    }
    let open = using + 2;
    let Some(close) = closing(definition, &all, open) else { return Vec::new() };
    let mut found = Vec::new();
    let mut at = open + 1;
    while at < close {
        let (element, next) = element(definition, &all, at, close);
        found.extend(element);
        at = next + 1;
    }
    found
}

/// The element that starts at a token, and the token that ends it.
fn element(sql: &str, all: &[Token], start: usize, close: usize) -> (Option<Element>, usize) {
    let is_mark = |at: usize, mark: &str| all.get(at).is_some_and(|t| t.is_mark(sql, mark));
    let is = |at: usize, word: &str| all.get(at).is_some_and(|t| t.is(sql, word));
    let behind = |at: usize| closing(sql, all, at).map_or(close, |end| end + 1);
    let name = |mut at: usize| {
        at += 1;
        while is_mark(at, ".") {
            at += 2;
        }
        at
    };
    let mut at = if is_mark(start, "(") { start } else { name(start) };
    if is_mark(at, "(") {
        at = behind(at);
    }
    if is(at, "collate") {
        at = name(at + 1);
    }
    let said = all.get(at).is_some_and(Token::is_name)
        && at < close
        && !["asc", "desc", "nulls", "with"].iter().any(|word| is(at, word));
    let last = if said { name(at) } else { at };
    let class = match (all.get(at), all.get(last.saturating_sub(1))) {
        (Some(first), Some(end)) if said => {
            Some(Element { class: first.start..end.end, name: end.name(sql).into_owned() })
        }
        (_, Some(end)) if last <= close => Some(Element { class: end.end..end.end, name: String::new() }),
        _ => None,
    };
    let mut end = last;
    while end < close && !is_mark(end, ",") {
        end = if is_mark(end, "(") { behind(end) } else { end + 1 };
    }
    (class, end)
}

/// A definition with other classes: `choose` is given the number of an element and its class, and says what is to stand there.
fn rewritten(definition: &str, choose: impl Fn(usize, &str) -> Option<String>) -> String {
    let mut text = definition.to_owned();
    for (number, element) in elements(definition).iter().enumerate().rev() {
        let Some(class) = choose(number, &element.name) else { continue };
        let start =
            if class.is_empty() && !element.name.is_empty() { element.class.start - 1 } else { element.class.start };
        let space = if element.name.is_empty() && !class.is_empty() { " " } else { "" };
        text.replace_range(start..element.class.end, &format!("{space}{class}"));
    }
    text
}

/// A definition as PostgreSQL prints it, with the classes that it leaves out because they are the default here and are not elsewhere.
pub(super) fn named(definition: &str, classes: &[String]) -> String {
    match classes.iter().any(|class| !class.is_empty()) {
        true => rewritten(definition, |number, said| {
            classes.get(number).filter(|class| said.is_empty() && !class.is_empty()).cloned()
        }),
        false => definition.to_owned(),
    }
}

/// A definition without the classes that are the default on some servers, for a comparison with what any of them prints.
pub(crate) fn unnamed(definition: &str) -> String {
    rewritten(definition, |_, said| CONTESTED.contains(&said).then(String::new))
}

/// Whether a definition names a class that is the default on some servers only.
pub(crate) fn is_contested(definition: &str) -> bool {
    elements(definition).iter().any(|element| CONTESTED.contains(&&*element.name))
}

fn is_default(class: &str, major: u32) -> bool {
    match major >= versions::GIST_INET_DEFAULT {
        true => class == "inet_ops",
        false => class == "gist_inet_ops" || class == "gist_cidr_ops",
    }
}

const fn usual(major: u32) -> &'static str {
    if major >= versions::GIST_INET_DEFAULT { "inet_ops" } else { "gist_inet_ops" }
}

/// A declared definition with the live server's default class where none is declared, and the live server's own definition shows that
/// this is the place of one.
pub(crate) fn with_own(live: u32, declared: &str, own: &str) -> String {
    let theirs = elements(own);
    rewritten(declared, |number, said| {
        let theirs = theirs.get(number).filter(|element| said.is_empty() && CONTESTED.contains(&&*element.name))?;
        let spelt = own.get(theirs.class.clone()).filter(|_| is_default(&theirs.name, live));
        Some(spelt.unwrap_or_else(|| usual(live)).to_owned())
    })
}

/// What a scratch server of another major version made of a declared definition, with the live server's default where none is declared.
pub(crate) fn with_defaults_of(live: u32, built: &str, declared: &str) -> String {
    let said = elements(declared);
    rewritten(built, |number, class| {
        let is_open = said.get(number).is_some_and(|element| element.name.is_empty());
        (is_open && CONTESTED.contains(&class) && !is_default(class, live)).then(|| usual(live).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_where_none_is_said() {
        let classes = ["inet_ops", "", "ext.gist_cidr_ops"].map(str::to_owned);
        assert_eq!(
            named("USING gist (ip, r range_ops, network((b)::inet)) INCLUDE (a)", &classes),
            "USING gist (ip inet_ops, r range_ops, network((b)::inet) ext.gist_cidr_ops) INCLUDE (a)"
        );
        assert_eq!(
            named("EXCLUDE USING gist (ip WITH =, r WITH &&)", &classes),
            "EXCLUDE USING gist (ip inet_ops WITH =, r WITH &&)"
        );
        assert_eq!(named("USING gist (ip gist_inet_ops)", &classes), "USING gist (ip gist_inet_ops)");
        assert_eq!(named("(ip)", &classes), "(ip)", "of another method");
        assert_eq!(unnamed("USING gist (ip inet_ops, r range_ops (a=1))"), "USING gist (ip, r range_ops (a=1))");
        assert_eq!(unnamed("EXCLUDE USING gist (ip ext.gist_inet_ops WITH =)"), "EXCLUDE USING gist (ip WITH =)");
        assert!(is_contested("USING gist (((a)) gist_cidr_ops)") && !is_contested("USING gist (a b)"));
    }

    #[test]
    fn what_is_not_said_is_the_live_servers_default() {
        let (on_18, plain) = ("USING gist (ip gist_inet_ops)", "using gist (ip)");
        assert_eq!(with_defaults_of(19, on_18, plain), "USING gist (ip inet_ops)");
        assert_eq!(with_defaults_of(19, on_18, "using gist (ip gist_inet_ops)"), on_18);
        assert_eq!(with_defaults_of(18, "USING gist (c inet_ops)", "using gist (c)"), on_18.replace("ip", "c"));
        assert_eq!(with_own(19, plain, "USING gist (ip inet_ops)"), "using gist (ip inet_ops)");
        assert_eq!(with_own(19, plain, on_18), "using gist (ip inet_ops)", "the live one has another than the default");
        assert_eq!(with_own(18, plain, "USING gist (ip x.gist_cidr_ops)"), "using gist (ip x.gist_cidr_ops)");
        assert_eq!(with_own(18, "using gist (ip inet_ops)", on_18), "using gist (ip inet_ops)");
    }
}
