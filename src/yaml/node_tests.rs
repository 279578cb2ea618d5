use super::*;

fn read(text: &str) -> Node {
    parse(&Source::new("a.yaml", text)).unwrap()
}

fn error(text: &str) -> Box<Diagnostic> {
    parse(&Source::new("a.yaml", text)).unwrap_err()
}

/// A tree as compact text: plain scalars bare, others in quotes.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "∅".to_owned(),
        Value::Text { text, plain: true } => text.clone(),
        Value::Text { text, plain: false } => format!("{text:?}"),
        Value::File(path) => format!("file({path})"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries: Vec<_> = entries.iter().map(|(k, n)| format!("{}: {}", k.text, show(n))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn slice(location: &Location) -> &str {
    &location.source.text[location.span.clone()]
}

#[test]
fn scalars_stay_as_written() {
    let node = read("[no, on, 010, 1.0, 1e3, 12:30:00, true, null, ~, 'null', \"no\", 0x1F, 1_000, =]\n");
    assert_eq!(show(&node), r#"[no, on, 010, 1.0, 1e3, 12:30:00, true, ∅, ∅, "null", "no", 0x1F, 1_000, =]"#);
    let items = node.items().unwrap();
    assert_eq!(items[7].word(), Some("null"));
    assert_eq!(items[8].word(), None);
    assert_eq!(show(&read("no: on\nnull: 1\n010: x\n")), "{no: on, null: 1, 010: x}");
}

#[test]
fn an_empty_document_is_null() {
    for text in ["", "\n", "# nothing\n", "---\n", "\u{feff}# x\n"] {
        assert!(read(text).is_null(), "{text:?}");
    }
}

#[test]
fn order_is_kept_and_places_are_exact() {
    let text = "# é\nz: é1\na:\n  - \"q\"\n  - {k: v, l: [w]}\nb: |\n  one\n   two\n\nc: x\n";
    let node = read(text);
    let entries = node.entries().unwrap();
    assert_eq!(entries.iter().map(|(k, _)| k.text.as_str()).collect::<Vec<_>>(), ["z", "a", "b", "c"]);
    for (key, _) in entries {
        assert_eq!(slice(&key.location), key.text);
    }
    assert_eq!(slice(&entries[0].1.location), "é1");
    assert_eq!(slice(&entries[1].1.location), "- \"q\"\n  - {k: v, l: [w]}");
    let items = entries[1].1.items().unwrap();
    assert_eq!(slice(&items[0].location), "\"q\"");
    assert_eq!(slice(&items[1].location), "{k: v, l: [w]}");
    assert_eq!(slice(&entries[2].1.location), "one\n   two");
    assert_eq!(entries[2].1.text(), Some("one\n two\n"));
    assert_eq!(entries[3].1.location.position(), "a.yaml:10:4");
    assert_eq!(node.place().position(), "a.yaml:2:1");
    assert_eq!(slice(&node.place()), "z: é1");
}

#[test]
fn pieces_of_a_text_are_found_in_the_file() {
    let literal = read("q: |\n  select id\n    from émile\n");
    let node = &literal.entries().unwrap()[0].1;
    let at = node.text().unwrap().find("émile").unwrap();
    assert_eq!(slice(&node.place_of(at..at + "émile".len())), "émile");
    assert_eq!(node.place_of(at..at + 1).position(), "a.yaml:3:10");
    let end = node.text().unwrap().len();
    assert_eq!(node.place_of(end..end).position(), "a.yaml:3:15");
    for text in ["q: select a,\n   b from t\n", "q: 'select a,\n   b from t'\n", "q: >\n  select a,\n  b from t\n"] {
        let tree = read(text);
        let node = &tree.entries().unwrap()[0].1;
        let at = node.text().unwrap().find("from").unwrap();
        assert_eq!(slice(&node.place_of(at..at + 4)), "from", "{text}");
        assert_eq!(
            node.place_of(at..at + 4).position().split(':').nth(1),
            Some(if text.contains('>') { "3" } else { "2" })
        );
    }
    let quoted = read("q: 'it''s x'\n");
    assert_eq!(slice(&quoted.entries().unwrap()[0].1.place_of(5..6)), "x");
    let block = read("q: |\n  'a' b\n");
    assert_eq!(slice(&block.entries().unwrap()[0].1.place_of(4..5)), "b");
    let escaped = read("q: \"a\\tb c\"\n");
    assert_eq!(slice(&escaped.entries().unwrap()[0].1.place_of(4..5)), "\"a\\tb c\"");
}

#[test]
fn duplicate_keys_name_both_places() {
    let e = error("a: 1\nb:\n  x: 1\n  y: 2\n  x: 3\n");
    assert_eq!(e.to_string(), "a.yaml:5:3: the key `x` stands twice in one mapping");
    assert_eq!(e.related[0].0.position(), "a.yaml:3:3");
    assert_eq!(error("{a: 1, 'a': 2}").code, "duplicate-key");
}

#[test]
fn files_are_named_by_a_tag() {
    assert_eq!(show(&read("body: !file functions/x.sql\n")), "{body: file(functions/x.sql)}");
    assert_eq!(show(&read("a: !!str no\nb: ! no\nc: !!int 3\nd: !!null x\n")), r#"{a: "no", b: "no", c: 3, d: ∅}"#);
    assert_eq!(error("a: !files x\n").code, "unknown-tag");
    assert_eq!(error("a: !file [x]\n").code, "unknown-tag");
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let node = read("a: &x {p: 1, q: 2}\nb: *x\nc:\n  r: 0\n  <<: *x\n  q: 3\n  s: 4\n");
    assert_eq!(show(&node), "{a: {p: 1, q: 2}, b: {p: 1, q: 2}, c: {r: 0, p: 1, q: 3, s: 4}}");
    assert_eq!(show(&read("k: &k name\n*k : 1\n")), "{k: name, name: 1}");
    assert_eq!(show(&read("'<<': 1\n")), "{<<: 1}", "a quoted one is a key like others");
    assert_eq!(error("a:\n  <<: 1\n").code, "merge-key");
    assert_eq!(error("a: *nowhere\n").code, "yaml-syntax");
    assert_eq!(error("a: &a [*a]\n").code, "yaml-syntax");
}

#[test]
fn bombs_are_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert_eq!(error(&laughs).code, "yaml-too-large");
    let long = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1_000_000), vec!["*a"; 1000].join(", "));
    assert_eq!(error(&long).code, "yaml-too-large");
    assert_eq!(error(&"[".repeat(100_000)).code, "yaml-too-deep");
    let mut deep = "a0: &a0 x\n".to_owned();
    for i in 1..300 {
        deep.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert_eq!(error(&deep).code, "yaml-too-deep");
}

#[test]
fn what_is_no_single_document_of_plain_keys_is_refused() {
    assert_eq!(error("a: 1\n---\nb: 2\n").to_string(), "a.yaml:2:1: a second YAML document begins here");
    assert_eq!(error("? [a]\n: 1\n").code, "key-not-scalar");
    assert_eq!(error("{a: 1}: 1\n").code, "key-not-scalar");
    assert_eq!(error("a: x\0y\n").position_code(), ("a.yaml:1:5".into(), "yaml-syntax"));
}

#[test]
fn syntax_errors_point_at_their_place() {
    let e = error("a: b: c\n");
    assert_eq!(e.position_code(), ("a.yaml:1:5".into(), "yaml-syntax"));
    assert!(!e.help.is_empty(), "{e:?}");
    assert_eq!(error("a:\n\t- b\n").help.len(), 1);
    for text in ["a: 'x\n", "a: [1, 2\n", "a: }\n", "a: \"\\q\"\n", "a: @x\n", "- a\nb: 1\n"] {
        assert_eq!(error(text).code, "yaml-syntax", "{text}");
    }
}

impl Diagnostic {
    fn position_code(&self) -> (String, &'static str) {
        (self.location.as_ref().unwrap().position(), self.code)
    }
}

/// `cargo test --release --lib yaml -- --ignored --nocapture` says how long ten megabytes take.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "the measurement is what it is for")]
fn ten_megabytes() {
    let mut text = "tables:\n".to_owned();
    let mut i = 0;
    while text.len() < 10_000_000 {
        i += 1;
        text.push_str(&format!(
            "  table_{i}:\n    comment: One row per thing {i}\n    columns:\n      id: uuid primary key default gen_random_uuid()\n"
        ));
        for c in 0..12 {
            text.push_str(&format!("      column_{c}: {{type: text, not_null: true, default: \"'x'\"}}\n"));
        }
        text.push_str("    indexes:\n      i: (column_1, column_2)\n    policies:\n      own:\n        using: |\n          column_1 = 'x'\n");
    }
    let source = Source::new("big.yaml", text);
    let started = std::time::Instant::now();
    let node = parse(&source).unwrap();
    println!("{i} tables, {} bytes: {:?}", source.text.len(), started.elapsed());
    assert_eq!(node.entries().unwrap()[0].1.entries().unwrap().len(), i);
}
