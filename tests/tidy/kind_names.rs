//! A ratchet: how often each file names a kind of object that is not of its own family.
//!
//! All that is known of a kind belongs to its own file (src/kinds/mod.rs). What stands elsewhere is counted, per file, in
//! tests/tidy/kind_names.txt; a count may only fall. `TRUEUP_BLESS=1 cargo test --test tidy` writes lower counts into the list.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;

use crate::source::{self, File};

/// The families, by their kinds: the first module in which the kind's line of src/kinds/mod.rs says that it stands.
fn families(product: &BTreeMap<String, File>) -> BTreeMap<String, String> {
    let list = product["src/kinds/mod.rs"].items.iter().find_map(|item| match item {
        Item::Macro(item) if item.mac.path.is_ident("kinds") => Some(item.mac.tokens.clone()),
        _ => None,
    });
    let list = list.expect("src/kinds/mod.rs has a list of the kinds, kinds! { Name in module, … }");
    let words: Vec<String> = list
        .into_iter()
        .filter_map(|tree| match tree {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        })
        .collect();
    let found = words.windows(3).filter(|window| window[1] == "in");
    let found: BTreeMap<_, _> = found.map(|window| (window[0].clone(), family(&window[2]).to_owned())).collect();
    assert!(found.len() >= 30, "the list of kinds was not read: {found:?}");
    found
}

/// The family of a module of src/kinds.
fn family(module: &str) -> &str {
    if module == "trigger_state" { "trigger" } else { module }
}

/// The family of a file, where it is one of src/kinds.
fn family_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/kinds/")?;
    rest.split(['/', '.']).next().map(family)
}

/// How often each file names a kind of another family.
fn counted() -> BTreeMap<String, usize> {
    let product = source::product();
    let families = families(&product);
    let mut counts = BTreeMap::new();
    for (path, file) in &product {
        let tokens: TokenStream = file.items.iter().map(ToTokens::to_token_stream).collect();
        let mut named = Vec::new();
        for name in ["KindTag", "Object"] {
            source::members_of(name, tokens.clone(), &mut named);
        }
        assert!(!named.iter().any(|name| name == "*"), "{path}: name what is imported of KindTag and Object");
        let own = family_of(path);
        let foreign =
            named.iter().filter(|name| families.get(*name).is_some_and(|of| Some(of.as_str()) != own)).count();
        if foreign > 0 {
            counts.insert(path.clone(), foreign);
        }
    }
    counts
}

fn list() -> std::path::PathBuf {
    crate::root().join("tests/tidy/kind_names.txt")
}

fn listed() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(list()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| line.trim().split_once(' '));
    entries.map(|(count, path)| (path.to_owned(), count.parse().expect("a count"))).collect()
}

#[test]
fn kinds_are_named_in_their_own_files() {
    let (counted, listed) = (counted(), listed());
    let of = |counts: &BTreeMap<String, usize>, path: &str| counts.get(path).copied().unwrap_or(0);
    let more: Vec<String> = counted
        .iter()
        .filter(|(path, count)| **count > of(&listed, path))
        .map(|(path, count)| format!("{path}: {count} times, and {} are listed", of(&listed, path)))
        .collect();
    crate::report("let the kind itself say what is particular to it, behind the interface that all kinds share", &more);
    if counted == listed {
        return;
    }
    assert!(
        std::env::var_os("TRUEUP_BLESS").is_some(),
        "fewer kinds are named than tests/tidy/kind_names.txt lists: TRUEUP_BLESS=1 cargo test --test tidy lowers the counts"
    );
    let mut text = format!(
        "# How often each file of src/ names a kind that is not of its own family (tests/tidy/kind_names.rs). In all: {}\n",
        counted.values().sum::<usize>()
    );
    for (path, count) in counted {
        let _ = writeln!(text, "{count:4} {path}");
    }
    std::fs::write(list(), text).unwrap();
}

#[test]
fn members_are_found_in_groups_and_macros() {
    let text = r#"
        use crate::kinds::{KindTag::{Table, Column}, Object};
        // KindTag::Comment
        fn f() { matches!(x, Object::View(_) | crate::kinds::KindTag::Index); g("KindTag::Owner") }
    "#;
    let tokens: TokenStream = text.parse().unwrap();
    let mut found = Vec::new();
    for name in ["KindTag", "Object"] {
        source::members_of(name, tokens.clone(), &mut found);
    }
    assert_eq!(found, ["Table", "Column", "Index", "View"]);
}
