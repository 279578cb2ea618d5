//! Which file of src/ uses which: grouped imports, paths within code and macros, `self::` and `super::` included.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;

use crate::source::{self, File};

/// What the stages are: they work on any object and name no kind.
const STAGES: &[&str] = &["src/diff.rs", "src/plan/", "src/introspect/", "src/apply/", "src/render/"];

/// Modules of `kinds` that are about all kinds, which stages may use.
const ABOUT_ALL_KINDS: &[&str] = &[
    "common",
    "component",
    "contradictions",
    "ensure",
    "holds",
    "macros",
    "options",
    "restated",
    "said",
    "uncommitted",
];

/// How many files the largest circle has: files each of which uses another one of them, by way of which it uses itself. It may only fall.
const LARGEST_CIRCLE: usize = 65;

/// How many files the largest circle within src/engine has. It may only fall.
const LARGEST_CIRCLE_OF_ENGINE: usize = 12;

/// The module of a file, as a path: `src/kinds/table/mod.rs` is `crate::kinds::table`.
fn module(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { "crate".to_owned() } else { format!("crate::{}", path.replace('/', "::")) }
}

/// The paths that a stream writes out after `crate::`, `self::` or `super::`.
fn paths(stream: TokenStream, found: &mut Vec<String>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        match &trees[at] {
            TokenTree::Group(group) => paths(group.stream(), found),
            TokenTree::Ident(first) if first == "crate" || first == "self" || first == "super" => {
                let mut path = first.to_string();
                let is_colon = |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
                while is_colon(at + 1)
                    && is_colon(at + 2)
                    && let Some(TokenTree::Ident(next)) = trees.get(at + 3)
                {
                    path = format!("{path}::{next}");
                    at += 3;
                }
                found.push(path);
            }
            _ => {}
        }
        at += 1;
    }
}

/// A path with `self` and `super` at its start replaced by what they stand for in a module.
fn absolute(path: &str, module: &str) -> String {
    let mut module = module.to_owned();
    let mut rest = path;
    loop {
        if let Some(after) = rest.strip_prefix("super::") {
            module.truncate(module.rfind("::").unwrap_or(module.len()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("self::") {
            rest = after;
        } else if rest.starts_with("crate") {
            return rest.to_owned();
        } else {
            return format!("{module}::{rest}");
        }
    }
}

/// What each file uses: paths from the root of the crate.
fn used(product: &BTreeMap<String, File>) -> BTreeMap<&str, BTreeSet<String>> {
    let mut used = BTreeMap::new();
    for (path, file) in product {
        let here = module(path);
        let mut found = Vec::new();
        for item in &file.items {
            if let Item::Use(item) = item {
                source::imports(&item.tree, "", &mut found);
            } else {
                paths(item.to_token_stream(), &mut found);
            }
        }
        // An import without one of these words is of another crate, or of a module declared in the same file.
        let declared = file.items.iter().filter_map(|item| match item {
            Item::Mod(item) if item.content.is_none() => Some(item.ident.to_string()),
            _ => None,
        });
        let declared: BTreeSet<String> = declared.collect();
        let ours = |path: &&String| {
            let first = path.split("::").next().unwrap_or_default();
            matches!(first, "crate" | "self" | "super") || declared.contains(first)
        };
        used.insert(path.as_str(), found.iter().filter(ours).map(|path| absolute(path, &here)).collect());
    }
    used
}

/// The circles: groups of files each of which uses all others of its group, if by way of others. The largest is the first.
fn circles(product: &BTreeMap<String, File>, within: &str) -> Vec<Vec<String>> {
    let modules: BTreeMap<String, &str> = product.keys().map(|path| (module(path), path.as_str())).collect();
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: BTreeMap<&str, _> = product
        .keys()
        .filter(|path| path.starts_with(within))
        .map(|path| (path.as_str(), graph.add_node(path.as_str())))
        .collect();
    for (file, paths) in used(product) {
        for path in paths {
            // The file is that of the longest part of the path that is a module.
            let mut path = path.as_str();
            while !modules.contains_key(path) && path.contains("::") {
                path = &path[..path.rfind("::").unwrap_or_default()];
            }
            let of = modules.get(path).and_then(|target| nodes.get(target));
            if let (Some(from), Some(to)) = (nodes.get(file), of)
                && from != to
            {
                graph.update_edge(*from, *to, ());
            }
        }
    }
    let groups = tarjan_scc(&graph).into_iter().filter(|group| group.len() > 1);
    let mut groups: Vec<Vec<String>> =
        groups.map(|group| group.into_iter().map(|node| graph[node].to_owned()).collect()).collect();
    groups.iter_mut().for_each(|group| group.sort());
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

fn holds_to(size: usize, circle: &[String]) {
    let folders: BTreeSet<&str> =
        circle.iter().filter_map(|path| path.rsplit_once('/').map(|(folder, _)| folder)).collect();
    assert!(
        circle.len() == size,
        "the largest circle has {} files of {} folders, and {size} are noted here:\n  {}",
        circle.len(),
        folders.len(),
        circle.join("\n  ")
    );
}

#[test]
fn circles_do_not_grow() {
    let product = source::product();
    let of = |within: &str| circles(&product, within).into_iter().next().unwrap_or_default();
    holds_to(LARGEST_CIRCLE_OF_ENGINE, &of("src/engine/"));
    holds_to(LARGEST_CIRCLE, &of("src/"));
}

#[test]
fn stages_use_no_kind() {
    let product = source::product();
    let mut broken = Vec::new();
    for (file, paths) in used(&product) {
        if !crate::is_in(file, STAGES) {
            continue;
        }
        for path in paths {
            let Some(rest) = path.strip_prefix("crate::kinds::") else { continue };
            let name = rest.split("::").next().unwrap_or_default();
            let is_module = name.starts_with(|c: char| c.is_ascii_lowercase());
            if is_module && !ABOUT_ALL_KINDS.contains(&name) {
                broken.push(format!("{file}: {path}"));
            }
        }
    }
    crate::report("what is particular to a kind belongs to src/kinds, behind the interface all kinds share", &broken);
}

#[test]
fn paths_are_read_in_full() {
    let text = "use super::{a::B, c}; fn f() { self::d::g(crate::kinds::KindTag::Table) }";
    let file = syn::parse_file(text).unwrap();
    let product = BTreeMap::from([("src/x/y.rs".to_owned(), File { items: file.items })]);
    let found: Vec<String> = used(&product).remove("src/x/y.rs").unwrap().into_iter().collect();
    assert_eq!(found, ["crate::kinds::KindTag::Table", "crate::x::a::B", "crate::x::c", "crate::x::y::d::g"]);
}
