//! The YAML of comments, owners and grants.

use crate::core::diagnostic::{Diagnostic, Location, Result, nearest};
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::kinds::common::WriteContext;
use crate::yaml::{Fields, Key, Node, Out};

use super::acl::{self, Privileges};
use super::{Comment, Grant, Owner, object_type};

const OPTION: &str = " with grant option";

/// The grantee that a key of `grants` names: `public` in any case is PUBLIC, for no role can have that name.
pub(super) fn grantee(key: &Key) -> String {
    if key.text.eq_ignore_ascii_case("public") { "public".to_owned() } else { key.text.clone() }
}

/// The key for a grantee. A role `PUBLIC` in capitals cannot be told from PUBLIC; PostgreSQL's own tools share that trouble.
pub(super) fn grantee_key(grantee: &str) -> String {
    grantee.to_owned()
}

/// Reads `[select, insert]`, `all`, `[select with grant option]` or `{select: grant_option, insert: true}`.
pub(super) fn privileges(node: &Node, object_type: char, cx: &DeclareContext<'_>) -> Result<Privileges> {
    let mut set = Privileges::new();
    if let Some(entries) = node.entries() {
        for (key, value) in entries {
            let option = match value.as_word(&format!("`{}`", key.text), "`true` or `grant_option`")? {
                "true" => false,
                "grant_option" => true,
                other => {
                    return Err(Diagnostic::error("unknown-value", format!("a privilege cannot be `{other}`"))
                        .at(value.place())
                        .help("write `true`, or `grant_option` where it may be granted on"));
                }
            };
            add(&mut set, &key.text, option, object_type, &key.location)?;
        }
    } else {
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        for item in items.iter().filter(|i| !i.is_null()) {
            let text = item.as_word("a privilege", "a word such as `select`")?.trim().to_lowercase();
            let (word, option) = text.strip_suffix(OPTION).map_or((text.as_str(), false), |w| (w.trim(), true));
            add(&mut set, word, option, object_type, &item.place())?;
        }
    }
    let Some(major) = cx.live.map(|live| live.origin.major).filter(|major| *major > 0) else { return Ok(set) };
    if major < versions::MAINTAIN && set.contains_key("MAINTAIN") {
        return Err(Diagnostic::error("privilege", format!("PostgreSQL {major} has no privilege MAINTAIN"))
            .at(node.place())
            .note(format!("it needs PostgreSQL {} or later", versions::MAINTAIN))
            .help("leave it out, or write `all` for every privilege that the server has"));
    }
    Ok(acl::expanded(&set, object_type, major))
}

fn add(set: &mut Privileges, word: &str, option: bool, object_type: char, place: &Location) -> Result<()> {
    let mut word = word.trim().to_uppercase();
    if word == "ALL PRIVILEGES" {
        word = "ALL".to_owned();
    }
    let known = acl::words_of(object_type, versions::NEWEST_MAJOR);
    if word != "ALL" && !known.contains(&word.as_str()) {
        let lower: Vec<String> = known.iter().map(|w| w.to_lowercase()).collect();
        let mut error =
            Diagnostic::error("unknown-privilege", format!("there is no privilege `{}` here", word.to_lowercase()))
                .at(place.clone())
                .note(format!("it is `all` or {}", lower.join(", ")));
        if let Some(near) = nearest(&word.to_lowercase(), lower.iter().map(String::as_str)).first() {
            error = error.help(format!("did you mean `{near}`?"));
        }
        return Err(error);
    }
    *set.entry(word).or_default() |= option;
    Ok(())
}

/// Privileges as YAML.
pub(super) fn out(privileges: &Privileges, object_type: char, major: u32) -> Out {
    let known = acl::words_of(object_type, if major == 0 { versions::NEWEST_MAJOR } else { major });
    let word = |w: &str, option: bool| format!("{}{}", w.to_lowercase(), if option { OPTION } else { "" });
    for option in [false, true] {
        if known.len() > 1 && known.iter().all(|w| privileges.get(*w) == Some(&option)) {
            return Out::text(word("all", option));
        }
    }
    // In the order of the documentation, as people write them; `ALL` is not among the known.
    let all = privileges.get("ALL").map(|o| word("all", *o));
    let rest = known.iter().filter_map(|w| privileges.get(*w).map(|o| word(w, *o)));
    Out::flow(all.into_iter().chain(rest))
}

/// What stands among the grantees of a list and is none: that what default privileges give stays beside what the list says.
const BESIDE_DEFAULTS: &str = "beside defaults";

/// A list of privileges by role.
pub(super) struct List<'a> {
    /// The grantees, with what they get.
    pub entries: Vec<&'a (Key, Node)>,
    /// Where it stands, unless default privileges count beside it.
    pub complete: Option<Location>,
}

/// Reads the list at a key. `beside defaults` with a list of privileges is a role of that name.
///
/// # Errors
/// What is no mapping.
pub(super) fn list<'a>(fields: &Fields<'a>, key: &'static str) -> Result<List<'a>> {
    let mut complete = fields.get(key).filter(|node| !node.is_null()).and_then(|_| fields.key_place(key));
    let mut entries = Vec::new();
    for entry in fields.map(key)? {
        match entry.1.text().filter(|_| entry.0.text == BESIDE_DEFAULTS) {
            Some("true") => complete = None,
            Some("false") => {}
            _ => entries.push(entry),
        }
    }
    Ok(List { entries, complete })
}

/// Takes `comment`, `owner` and `grants` out of a mapping, as far as its kind has them.
///
/// # Errors
/// Values of the wrong shape, unknown privileges.
pub fn declare(fields: &Fields<'_>, id: &ObjectId, cx: &mut DeclareContext<'_>) -> Result<()> {
    let keys = |key: &str| fields.node().entries().is_some_and(|e| e.iter().any(|(k, _)| k.text == key));
    if keys("comment")
        && let Some(text) = fields.text("comment")?
        && (!text.is_empty() || super::comment::comes_with_one(id))
    {
        let place = fields.key_place("comment").unwrap_or_else(|| fields.place());
        cx.add(Comment::id(id), Comment { text: text.to_owned() }, &place)?;
    }
    super::comment::declare_parts(fields, id, cx)?;
    if keys("owner")
        && let Some(role) = fields.name("owner")?
    {
        let place = fields.key_place("owner").unwrap_or_else(|| fields.place());
        cx.add(Owner::id(id), Owner { role: role.to_owned() }, &place)?;
    }
    if keys("grants")
        && let Some(letter) = object_type(id.kind())
    {
        let list = list(fields, "grants")?;
        if let Some(place) = list.complete {
            cx.add(Grant::complete_list(id), Grant::of_owner(Privileges::new()), &place)?;
        }
        for (key, node) in list.entries {
            let privileges = privileges(node, letter, cx)?;
            cx.add(Grant::id(id, &grantee(key)), Grant::of_owner(privileges), &key.location)?;
        }
    }
    Ok(())
}

/// Writes the comment; the owner, where it is not the one that most objects of the catalog are expected to have (the role that
/// reads); and of the grants what deviates from what default privileges would have given.
pub fn write(id: &ObjectId, cx: &WriteContext<'_>) -> Vec<(String, Out)> {
    let mut entries = Vec::new();
    let catalog = cx.catalog;
    if let Some(comment) = Comment::get(catalog, &Comment::id(id)) {
        entries.push(("comment".to_owned(), Out::Block(comment.text.clone())));
    }
    entries.extend(super::comment::write_parts(id, cx));
    let Some(letter) = object_type(id.kind()) else { return entries };
    let owner = Owner::get(catalog, &Owner::id(id)).map_or("", |o| o.role.as_str());
    // The owner of a sequence that a column owns is its table's.
    let follows = catalog.children(id, crate::kinds::KindTag::SequenceOwner).next().is_some();
    // What every new database has has the owner that it has there: the schema public, from 15 on, one that stands for the database's.
    let given = id.kind().info().given.contains(&&*id.name());
    let usual = if given && catalog.origin.major >= versions::PUBLIC_SCHEMA_CLOSED {
        "pg_database_owner"
    } else {
        &catalog.origin.role
    };
    if !owner.is_empty() && owner != usual && !follows {
        entries.push(("owner".to_owned(), Out::text(owner)));
    }
    let major = if catalog.origin.major == 0 { versions::NEWEST_MAJOR } else { catalog.origin.major };
    let initial = super::initial(catalog, id, letter, owner, major);
    let mut grants = std::collections::BTreeMap::new();
    let mut as_given = std::collections::BTreeMap::new();
    for (grant_id, object) in catalog.children(id, crate::kinds::KindTag::Grant) {
        let (grantee, Some(grant)) = (grant_id.name().into_owned(), Grant::of(object)) else { continue };
        let is_given = initial.get(&grantee) == Some(&grant.privileges);
        let list = if is_given { &mut as_given } else { &mut grants };
        list.insert(grantee_key(&grantee), out(&grant.privileges, letter, major));
    }
    for (grantee, privileges) in &initial {
        if catalog.contains(&Grant::id(id, grantee)) {
            continue;
        }
        // No object means nothing for others, the full set for the owner.
        if grantee != owner {
            grants.insert(grantee_key(grantee), Out::Flow(Vec::new()));
        } else if *privileges != acl::owners_own(letter, major) {
            grants.insert(grantee_key(grantee), out(&acl::owners_own(letter, major), letter, major));
        }
    }
    if !grants.is_empty() {
        // What a list does not say, nobody has.
        grants.append(&mut as_given);
        entries.push(("grants".to_owned(), Out::Map(grants.into_iter().collect())));
    }
    entries
}
