use proptest::prelude::*;

use super::*;
use crate::core::diagnostic::Source;
use crate::yaml::node::{Node, Value, parse};

fn read(text: &str) -> Node {
    parse(&Source::new("out.yaml", text)).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Whether a tree holds what was written; texts must not read as null, booleans or numbers must be plain.
fn same(node: &Node, out: &Out) -> bool {
    match (&node.value, out) {
        (Value::Null, Out::Null) => true,
        (Value::Text { text, .. }, Out::Text(t) | Out::Block(t)) | (Value::File(text), Out::File(t)) => text == t,
        (Value::Text { text, plain: true }, Out::Bool(b)) => *text == b.to_string(),
        (Value::Text { text, plain: true }, Out::Int(i)) => *text == i.to_string(),
        (Value::List(items), Out::List(outs) | Out::Flow(outs)) => {
            items.len() == outs.len() && items.iter().zip(outs).all(|(n, o)| same(n, o))
        }
        (Value::Map(entries), Out::Map(outs) | Out::FlowMap(outs)) => {
            entries.len() == outs.len()
                && entries.iter().zip(outs).all(|((k, n), (key, o))| k.text == *key && same(n, o))
        }
        _ => false,
    }
}

/// What another reader must find.
fn as_json(out: &Out) -> serde_json::Value {
    match out {
        Out::Null => serde_json::Value::Null,
        Out::Text(t) | Out::Block(t) | Out::File(t) => t.as_str().into(),
        Out::Bool(b) => (*b).into(),
        Out::Int(i) => (*i).into(),
        Out::List(items) | Out::Flow(items) => items.iter().map(as_json).collect(),
        Out::Map(entries) | Out::FlowMap(entries) => {
            serde_json::Value::Object(entries.iter().map(|(k, v)| (k.clone(), as_json(v))).collect())
        }
    }
}

fn map<const N: usize>(entries: [(&str, Out); N]) -> Out {
    Out::Map(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
}

#[test]
fn it_looks_as_a_person_would_write_it() {
    let out = map([(
        "tables",
        map([(
            "conversations",
            map([
                ("comment", Out::text("One row: per customer")),
                (
                    "columns",
                    map([
                        ("id", Out::text("uuid primary key default gen_random_uuid()")),
                        ("no", Out::text("numeric(10,2) default 0")),
                        (
                            "status",
                            Out::FlowMap(vec![
                                ("type".into(), Out::text("text")),
                                ("not_null".into(), Out::Bool(true)),
                                ("default".into(), Out::text("'open'")),
                            ]),
                        ),
                    ]),
                ),
                ("indexes", map([("open_idx", Out::text("(channel, created_at desc) where status = 'open'"))])),
                (
                    "policies",
                    map([(
                        "distributors see their own",
                        map([
                            ("to", Out::flow(["authenticated", "on"])),
                            ("using", Out::Block("a = 1\n  and b\n".into())),
                        ]),
                    )]),
                ),
                (
                    "rows",
                    Out::List(vec![
                        map([("id", Out::Int(1)), ("email", Out::Null)]),
                        Out::List(vec![Out::text("x"), Out::List(vec![])]),
                        Out::Block("select 1\nfrom t".into()),
                    ]),
                ),
                ("body", Out::File("functions/x.sql".into())),
                ("set", map([])),
            ]),
        )]),
    )]);
    let text = to_yaml(&out);
    assert_eq!(
        text,
        r#"tables:
  conversations:
    comment: "One row: per customer"
    columns:
      id: uuid primary key default gen_random_uuid()
      "no": numeric(10,2) default 0
      status: {type: text, not_null: true, default: "'open'"}
    indexes:
      open_idx: (channel, created_at desc) where status = 'open'
    policies:
      distributors see their own:
        to: [authenticated, "on"]
        using: |
          a = 1
            and b
    rows:
      - id: 1
        email: null
      - - x
        - []
      - |-
        select 1
        from t
    body: !file functions/x.sql
    set: {}
"#
    );
    assert!(same(&read(&text), &out));
}

#[test]
fn what_could_be_read_otherwise_is_quoted() {
    for text in [
        "",
        " ",
        "a ",
        " a",
        "no",
        "NO",
        "on",
        "Y",
        "n",
        "true",
        "False",
        "null",
        "NULL",
        "~",
        "010",
        "1e3",
        "0x1F",
        "0o17",
        "1_000",
        "12:30:00",
        "2024-01-01",
        "2024-01-01 12:00:00",
        "1.",
        ".5",
        ".inf",
        "+1",
        "-1",
        "-",
        "- a",
        "? a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "[a",
        "{a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "'a",
        "\"a",
        "%a",
        "@a",
        "`a",
        "=",
        "<<",
        "---",
        "...",
        "a\tb",
        "a\nb",
        "a\rb",
        "a\u{85}b",
        "a\u{2028}b",
        "\u{feff}a",
        "a\u{a0}b",
        "a\u{7f}b",
        "a\0b",
        "1.0",
        "0b1",
        "60:1",
        "1e+5",
    ] {
        assert!(!is_plain(text, false), "{text:?}");
    }
    for text in ["a:b", "a, b", "a]", "numeric(10,2)"] {
        assert!(!is_plain(text, true), "{text:?} in a flow");
    }
    for text in [
        "now()",
        "uuid not null",
        "2s",
        "5 days",
        "é",
        "日本",
        "a#b",
        "a:b",
        "numeric(10,2)[]",
        "x = 'y'",
        "(a)",
        "null and void",
    ] {
        assert!(is_plain(text, false), "{text:?}");
    }
}

/// Texts made of the pieces that are hard for YAML.
fn hard_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "\r",
        "\r\n",
        "a",
        "é",
        ": ",
        ":",
        " #",
        "#",
        "-",
        "- ",
        "---",
        "...",
        "'",
        "''",
        "\"",
        "\\",
        "\\n",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        "? ",
        "null",
        "~",
        "true",
        "no",
        "010",
        "1e3",
        "<<",
        "=",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{a0}",
        "\0",
        "\u{7}",
        "\u{7f}",
        "\u{202e}",
        "😀",
        "\u{fffe}",
        "\u{10ffff}",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|p| p.concat()),
        any::<String>(),
        prop::collection::vec(any::<char>(), 0..6).prop_map(|c| c.into_iter().collect()),
        "[ a\n\t]{0,8}",
        "[a-z0-9_.:+-]{1,6}",
        Just("k".repeat(1500)),
    ]
}

fn tree() -> impl Strategy<Value = Out> {
    let leaf = prop_oneof![
        Just(Out::Null),
        any::<bool>().prop_map(Out::Bool),
        any::<i64>().prop_map(Out::Int),
        hard_text().prop_map(Out::Text),
        hard_text().prop_map(Out::Block),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let entries = prop::collection::vec((hard_text(), inner.clone()), 0..4)
            .prop_map(|mut entries| {
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                entries.dedup_by(|a, b| a.0 == b.0);
                entries
            })
            .boxed();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Out::List),
            prop::collection::vec(inner, 0..4).prop_map(Out::Flow),
            entries.clone().prop_map(Out::Map),
            entries.prop_map(Out::FlowMap),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_reads_back(out in tree()) {
        let text = to_yaml(&out);
        prop_assert!(same(&read(&text), &out), "{}", text);
    }

    #[test]
    fn keys_and_values_survive(key in hard_text(), value in hard_text()) {
        for value in [Out::Text(value.clone()), Out::Block(value.clone()), Out::Flow(vec![Out::Text(value.clone())])] {
            let out = Out::Map(vec![(key.clone(), value), ("other".into(), Out::text("x"))]);
            if key == "other" { continue; }
            let text = to_yaml(&out);
            prop_assert!(same(&read(&text), &out), "{}", text);
        }
    }

    /// serde-saphyr, which gives plain scalars a type, finds texts to be texts.
    #[test]
    fn another_reader_agrees(out in tree()) {
        let text = to_yaml(&out);
        if text.contains(&"k".repeat(1000)) { return Ok(()); }
        let read: serde_json::Value = serde_yaml::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(read, as_json(&out), "{}", text);
    }

    #[test]
    fn no_input_makes_the_reader_panic(text in hard_text()) {
        let _ = parse(&Source::new("any.yaml", text));
    }
}
