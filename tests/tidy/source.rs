//! The product's code as tokens: what each file of src/ says outside comments and tests.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, Item, UseTree};

/// One file of the product, without what only tests compile.
pub struct File {
    /// Its items, in their order.
    pub items: Vec<Item>,
}

/// Every file of src/ by its path, without the files and the modules that stand under `#[cfg(test)]`.
pub fn product() -> BTreeMap<String, File> {
    let texts = crate::files("src", "rs");
    let mut parsed: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    let mut of_tests = BTreeSet::new();
    for (path, text) in &texts {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut items = Vec::new();
        for item in file.items {
            if !is_for_tests(attributes(&item)) {
                items.push(item);
            } else if let Item::Mod(module) = &item
                && module.content.is_none()
            {
                of_tests
                    .insert(elsewhere(path, module).unwrap_or_else(|| module_folder(path) + &module.ident.to_string()));
            }
        }
        parsed.insert(path.clone(), items);
    }
    parsed.retain(|path, _| {
        let module = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        !of_tests.iter().any(|of| module == of || module.starts_with(&format!("{of}/")))
    });
    assert!(parsed.len() > 100, "the source was not found");
    parsed.into_iter().map(|(path, items)| (path, File { items })).collect()
}

/// The folder in which a file's modules are, with a slash at its end.
fn module_folder(path: &str) -> String {
    let path =
        ["/mod.rs", "/lib.rs", "/main.rs"].iter().find_map(|end| path.strip_suffix(end)).or(path.strip_suffix(".rs"));
    format!("{}/", path.unwrap_or_default())
}

/// The file that a module's `#[path = "…"]` names, without its ending: beside the file that declares the module.
fn elsewhere(path: &str, module: &syn::ItemMod) -> Option<String> {
    let attribute = module.attrs.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) =
        &attribute.meta.require_name_value().ok()?.value
    else {
        return None;
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{folder}/{}", name.value().trim_end_matches(".rs")))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// What follows `name::` wherever it stands in a stream, within groups and macros too: `KindTag::Table`, and each of
/// `KindTag::{Table, Column}`.
pub fn members_of(name: &str, stream: TokenStream, found: &mut Vec<String>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => members_of(name, group.stream(), found),
            TokenTree::Ident(ident) if ident == name => {
                let is_colon =
                    |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                if !is_colon(at + 1) || !is_colon(at + 2) {
                    continue;
                }
                match trees.get(at + 3) {
                    Some(TokenTree::Ident(member)) => found.push(member.to_string()),
                    Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                        found.extend(group.stream().into_iter().filter_map(|tree| match tree {
                            TokenTree::Ident(member) => Some(member.to_string()),
                            _ => None,
                        }))
                    }
                    Some(TokenTree::Punct(all)) if all.as_char() == '*' => found.push("*".to_owned()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The paths that a `use` brings into a file, each in full: `crate::kinds::{table, view::View}` is two. An alias is left out.
pub fn imports(tree: &UseTree, before: &str, found: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => imports(&path.tree, &format!("{before}{}::", path.ident), found),
        UseTree::Name(name) => found.push(format!("{before}{}", name.ident)),
        UseTree::Rename(rename) => found.push(format!("{before}{}", rename.ident)),
        UseTree::Glob(_) => found.push(format!("{before}*")),
        UseTree::Group(group) => group.items.iter().for_each(|item| imports(item, before, found)),
    }
}
