//! In whose words a text is emitted.
//!
//! A plan runs on the live server. Where the scratch server is of another major version, what it prints of a declared text may mean
//! something else there: PostgreSQL 18 prints `JSON_ARRAY(SELECT …)` as a subquery with `JSON_ARRAYAGG`, which over no rows is NULL and
//! not `[]`; 15 prints the name of a column `system_user` without quotes. So what is emitted is the project's text, or one that the
//! live server has printed. Where there is only another major's print (SQL files, a database of that major), that is said.
//!
//! For the same reason, two texts that the scratch server prints alike are not the same where it does not know the difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Diagnostic;
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::kinds::routine::{Routine, arguments};
use crate::kinds::table::classes;
use crate::kinds::{KindTag, Object};
use crate::sql::lexer::{Kind, Token, tokens};

/// The attributes that PostgreSQL prints from what it has parsed, each with those that are read along with it.
const TEXTS: &[(KindTag, &[&[&str]])] = &[
    (KindTag::View, &[&["query", "aliases"]]),
    (KindTag::MaterializedView, &[&["query", "aliases"]]),
    (KindTag::Routine, &[&["sql_body"], &["arguments"]]),
    (KindTag::Table, &[&["partition_key"]]),
    (KindTag::Policy, &[&["using"], &["check"]]),
    (KindTag::Default, &[&["expression"]]),
    (KindTag::ViewColumn, &[&["default"]]),
    (KindTag::Column, &[&["generated"]]),
    (KindTag::Domain, &[&["default"]]),
    (KindTag::DomainConstraint, &[&["check"]]),
    (KindTag::Constraint, &[&["definition"], &["predicate"]]),
    (KindTag::Index, &[&["definition"], &["predicate"]]),
    (KindTag::Trigger, &[&["definition"]]),
];

/// Words that are more than names from a major version on: reserved ones, and those that begin a construct of their own before a bracket.
/// `tests/majors.rs` compares with what the servers say.
pub const KEYWORDS: &[(&str, bool, u32)] = &[
    ("system_user", true, versions::SQL_JSON_CONSTRUCTORS),
    ("json_array", false, versions::SQL_JSON_CONSTRUCTORS),
    ("json_arrayagg", false, versions::SQL_JSON_CONSTRUCTORS),
    ("json_object", false, versions::SQL_JSON_CONSTRUCTORS),
    ("json_objectagg", false, versions::SQL_JSON_CONSTRUCTORS),
    ("json", false, versions::SQL_JSON_FUNCTIONS),
    ("json_exists", false, versions::SQL_JSON_FUNCTIONS),
    ("json_query", false, versions::SQL_JSON_FUNCTIONS),
    ("json_scalar", false, versions::SQL_JSON_FUNCTIONS),
    ("json_serialize", false, versions::SQL_JSON_FUNCTIONS),
    ("json_table", false, versions::SQL_JSON_FUNCTIONS),
    ("json_value", false, versions::SQL_JSON_FUNCTIONS),
    ("merge_action", false, versions::SQL_JSON_FUNCTIONS),
];

/// Types that are PostgreSQL's own from a major version on: an older server prints a type of the user's by the same word.
const TYPES: &[(&str, u32)] = &[("oid8", versions::OID8), ("regdatabase", versions::OID8)];

/// What of a text means one thing up to a major version between two and another from it on, with how often it stands there. What is
/// a plain name to the live server (`read_by`) is told to a newer scratch server in quotation marks ([`in_quotes`]), and is not in
/// doubt.
fn doubtful(texts: &[String], scratch: u32, read_by: u32) -> BTreeMap<String, usize> {
    let (low, high) = (scratch.min(read_by), scratch.max(read_by));
    let between = |since: u32| low < since && since <= high;
    let mut found = BTreeMap::new();
    for text in texts {
        let all = tokens(text).unwrap_or_default();
        for (at, token) in all.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word) {
            let before_bracket = all.get(at + 1).is_some_and(|t| t.is_mark(text, "("));
            if between(versions::JSON_ARRAY_OF_QUERY) && is_array_of_query(text, &all, at) {
                *found.entry("JSON_ARRAY of a query".to_owned()).or_default() += 1;
            }
            // Behind a schema it is a name.
            let is_qualified = at.checked_sub(1).and_then(|at| all.get(at)).is_some_and(|t| t.is_mark(text, "."));
            if is_qualified {
                continue;
            }
            let is_keyword = |(word, reserved, since): &&(&str, bool, u32)| {
                scratch < read_by && between(*since) && token.is(text, word) && (*reserved || before_bracket)
            };
            if let Some((word, ..)) = KEYWORDS.iter().find(is_keyword) {
                *found.entry((*word).to_owned()).or_default() += 1;
            }
            if let Some((name, _)) = TYPES.iter().find(|(name, since)| between(*since) && token.is(text, name)) {
                *found.entry(format!("the type {name}")).or_default() += 1;
            }
        }
    }
    found
}

/// A text that a server of the major version `of` reads, for a newer one (`by`): names that are keywords to the newer server stand in
/// quotation marks. So `select system_user from t` of 15 becomes `select "system_user" from t` for 16. None where nothing changes.
pub fn in_quotes(text: &str, of: u32, by: u32) -> Option<String> {
    if of >= by {
        return None;
    }
    let all = tokens(text).ok()?;
    let mut changed = text.to_owned();
    for (at, token) in all.iter().enumerate().rev().filter(|(_, token)| token.kind == Kind::Word) {
        let before_bracket = all.get(at + 1).is_some_and(|t| t.is_mark(text, "("));
        let is_qualified = at.checked_sub(1).and_then(|at| all.get(at)).is_some_and(|t| t.is_mark(text, "."));
        let is_keyword = |(word, reserved, since): &&(&str, bool, u32)| {
            of < *since && *since <= by && token.is(text, word) && (*reserved || before_bracket)
        };
        if let Some((word, ..)) = KEYWORDS.iter().find(is_keyword).filter(|_| !is_qualified) {
            changed.replace_range(token.span(), &format!("\"{word}\""));
        }
    }
    (changed != text).then_some(changed)
}

/// An object with its texts as a newer server reads them, see [`in_quotes`]. None where nothing changes.
pub fn quoted(object: &Object, of: u32, by: u32) -> Option<Object> {
    let changes = |value: &Value| texts_of(value).iter().any(|text| in_quotes(text, of, by).is_some());
    let texts = || groups(object.kind()).iter().map(|group| group[0]);
    if of >= by || !texts().any(|name| changes(&object.value(name))) {
        return None;
    }
    let mut value = serde_json::to_value(object).ok()?;
    let fields = value.as_object_mut()?.values_mut().next()?;
    for name in texts() {
        let text = match fields.get_mut(name) {
            Some(Value::Object(map)) => map.get_mut("expression"),
            text => text,
        };
        if let Some(Value::String(text)) = text
            && let Some(new) = in_quotes(text, of, by)
        {
            *text = new;
        }
    }
    serde_json::from_value(value).ok()
}

/// Whether JSON_ARRAY stands at a token, and a query in its brackets.
fn is_array_of_query(text: &str, all: &[Token], at: usize) -> bool {
    let mut inner = all.iter().skip(at + 1).skip_while(|t| t.is_mark(text, "("));
    all.get(at).is_some_and(|t| t.is(text, "json_array"))
        && all.get(at + 1).is_some_and(|t| t.is_mark(text, "("))
        && inner.next().is_some_and(|t| ["select", "with", "values", "table"].iter().any(|word| t.is(text, word)))
}

/// What of a print means another thing to a server of another major version, or may have been made of such a thing.
fn doubtful_print(texts: &[String], printed_by: u32, read_by: u32) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = match printed_by < read_by {
        true => doubtful(texts, printed_by, read_by).into_keys().collect(),
        // A newer server puts what an older one takes for a name in quotes.
        false => doubtful(texts, printed_by, read_by).into_keys().filter(|what| what.starts_with("JSON")).collect(),
    };
    let (low, high) = (printed_by.min(read_by), printed_by.max(read_by));
    let between = |since: u32| low < since && since <= high;
    for text in texts {
        let has = |word: &str| tokens(text).is_ok_and(|all| all.iter().any(|t| t.is(text, word)));
        if between(versions::JSON_ARRAY_OF_QUERY) && has("json_arrayagg") {
            found.insert("JSON_ARRAYAGG, as which up to 18 JSON_ARRAY of a query is printed".to_owned());
        }
        if between(versions::GIST_INET_DEFAULT) && classes::is_contested(text) {
            found.insert("the operator class of a GiST index over inet or cidr".to_owned());
        }
    }
    found
}

/// What of an object is printed from what was parsed: arguments without a default and keys that are columns are the same everywhere.
fn text_value(object: &Object, name: &str) -> Value {
    let is_plain = match object {
        Object::Routine(routine) if name == "arguments" => arguments::defaults(&routine.arguments) == 0,
        Object::Table(table) => table.partition_key.as_ref().is_some_and(|key| is_of_columns(key)),
        _ => false,
    };
    if is_plain { Value::Null } else { object.value(name) }
}

/// Whether a partition key is made of columns alone.
fn is_of_columns(key: &str) -> bool {
    key.matches('(').count() < 2 && !key.contains("::")
}

/// What is declared, in the form that is printed where the two are of one: the types of arguments have other names in a declaration.
fn said_as(said: &Object, print: &Object) -> Option<Object> {
    let (Object::Routine(said), Object::Routine(print)) = (said, print) else { return Some(said.clone()) };
    let arguments = arguments::with_defaults_of(&print.arguments, &said.arguments)?;
    Some(Routine { arguments, ..(**said).clone() }.into())
}

/// The texts in a value.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Object(map) => map.get("expression").map(texts_of).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn groups(kind: KindTag) -> &'static [&'static [&'static str]] {
    TEXTS.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, groups)| groups)
}

/// A state of which some texts are as another major version's server prints them, and which those are.
#[derive(Debug, Default)]
pub struct Worded {
    /// The state.
    pub catalog: Catalog,
    /// What is emitted in another major's words.
    foreign: BTreeMap<ObjectId, BTreeSet<String>>,
    /// What the scratch server cannot compare.
    unsure: BTreeMap<ObjectId, BTreeSet<String>>,
}

/// Whose words there are.
pub struct Words<'a> {
    /// What is declared, as written.
    pub said: &'a dyn Fn(&ObjectId) -> Option<&'a Object>,
    /// What is, as the live server prints it.
    pub live: &'a Catalog,
    /// The major version of the scratch server.
    pub scratch: u32,
    /// Where names without a schema are looked for when the plan is run.
    pub search_path: &'a [String],
}

impl Words<'_> {
    /// A state in the project's words. `printed` is the state as the scratch server prints it; `settled` the same with the live server's
    /// words where the two are the same.
    pub fn emitted(&self, printed: &Catalog, settled: &Catalog) -> Worded {
        let mut words: HashMap<(KindTag, &str, String), Object> = HashMap::new();
        let mut changed: Vec<(ObjectId, Object)> = Vec::new();
        let mut worded = Worded::default();
        let off_path = self.off_path(settled);
        let live = self.live.origin.major;
        let is_plain =
            |object: &Object, name: &str| doubtful(&texts_of(&object.value(name)), self.scratch, live).is_empty();
        let texts = || settled.iter().filter(|(_, object)| !groups(object.kind()).is_empty());
        let key = |kind: KindTag, name: &'static str, print: &Object| (kind, name, print.value(name).to_string());
        let is_kept = |id: &ObjectId, object: &Object, name: &str| {
            self.live.get(id).is_some_and(|own| own.kind() == object.kind() && own.value(name) == object.value(name))
        };
        // What is the same in both states has the live server's words, and so have others that are printed in the same way.
        for (id, object) in texts() {
            let Some(print) = printed.get(id) else { continue };
            for group in groups(object.kind()).iter().filter(|group| is_kept(id, object, group[0])) {
                words.entry(key(object.kind(), group[0], print)).or_insert_with(|| object.clone());
            }
        }
        for of_declared in [true, false] {
            for (id, object) in texts().filter(|(id, _)| (self.said)(id).is_some() == of_declared) {
                let Some(print) = printed.get(id) else { continue };
                let said = (self.said)(id).filter(|said| said.kind() == object.kind());
                let said = said.and_then(|said| said_as(said, print));
                let mut now = object.clone();
                for group in groups(object.kind()) {
                    let value = text_value(object, group[0]);
                    if value.is_null() {
                        continue;
                    }
                    let said = said.as_ref().filter(|said| !said.value(group[0]).is_null());
                    if is_kept(id, object, group[0]) {
                        let unsure = said.map(|said| self.unsure(said, object, group[0])).unwrap_or_default();
                        if let (false, Some(said)) = (unsure.is_empty(), said) {
                            now = now.taking(said, group);
                            worded.unsure.entry(id.clone()).or_default().extend(unsure);
                        }
                        continue;
                    }
                    let stands = said.filter(|said| self.stands(id, &said.value(group[0]), &off_path));
                    let known = words.get(&key(object.kind(), group[0], print));
                    // Heirs have what their parents have, in the same words, unless what they say means two things.
                    let known = known.filter(|known| {
                        stands.is_none_or(|said| is_plain(said, group[0]) && is_plain(known, group[0]))
                    });
                    let known = known.or(stands);
                    match known.filter(|known| !is_kept(id, known, group[0])).cloned() {
                        Some(known) => {
                            if self.live.contains(id) && !is_plain(&known, group[0]) {
                                let why = doubtful(&texts_of(&known.value(group[0])), self.scratch, live);
                                worded.unsure.entry(id.clone()).or_default().extend(why.into_keys());
                            }
                            now = now.taking(&known, group);
                            words.entry(key(object.kind(), group[0], print)).or_insert(known);
                        }
                        None => {
                            let own = quoted(object, self.scratch, live).unwrap_or_else(|| object.clone());
                            worded.note(id, &own.value(group[0]), self.scratch, live);
                            now = now.taking(&own, group);
                        }
                    }
                }
                if now != *object {
                    changed.push((id.clone(), now));
                }
            }
        }
        let mut builder = settled.to_builder();
        for (id, object) in changed {
            builder.put(id, object);
        }
        worded.catalog = builder.finish_unchecked();
        worded
    }

    /// What makes two texts different to the live server, though the scratch server prints them alike.
    fn unsure(&self, said: &Object, own: &Object, name: &str) -> Vec<String> {
        let live = self.live.origin.major;
        // A newer scratch server knows what an older live one does not tell apart.
        if self.scratch > live {
            return Vec::new();
        }
        let of = |object: &Object| doubtful(&texts_of(&object.value(name)), self.scratch, live);
        let (said, own) = (of(said), of(own));
        let differs = |what: &&String| said.get(*what) != own.get(*what);
        said.keys().chain(own.keys()).filter(differs).cloned().collect()
    }

    /// Whether a declared text means the same under the search path of the plan: names without a schema mean the object's own schema
    /// first, and that may not be on it.
    fn stands(&self, id: &ObjectId, value: &Value, off_path: &BTreeMap<String, BTreeSet<String>>) -> bool {
        let Some(named) = id.schema().and_then(|schema| off_path.get(&*schema)) else { return true };
        texts_of(value).iter().all(|text| {
            let all = tokens(text).unwrap_or_default();
            let is_dot = |at: Option<usize>| at.and_then(|at| all.get(at)).is_some_and(|t| t.is_mark(text, "."));
            let is_alone = |at: usize| !is_dot(at.checked_sub(1)) && !is_dot(Some(at + 1));
            !all.iter().enumerate().any(|(at, t)| t.is_name() && is_alone(at) && named.contains(&*t.name(text)))
        })
    }

    /// The names in each schema that the plan's search path does not have.
    fn off_path(&self, catalog: &Catalog) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, object) in catalog.iter() {
            let Some(schema) = id.schema().filter(|schema| !self.search_path.iter().any(|other| other == schema))
            else {
                continue;
            };
            let info = object.kind().info();
            if info.signature || !info.namespaces.is_empty() {
                let name = id.name();
                let bare = if info.signature { name.split('(').next().unwrap_or(&name) } else { &name };
                found.entry(schema.into_owned()).or_default().insert(bare.trim_matches('"').to_owned());
            }
        }
        found
    }
}

impl Worded {
    fn note(&mut self, id: &ObjectId, value: &Value, printed_by: u32, read_by: u32) {
        let why = doubtful_print(&texts_of(value), printed_by, read_by);
        self.foreign.entry(id.clone()).or_default().extend(why);
    }

    /// What is to be said of the texts that are emitted in another major's words, and of those that could not be compared.
    pub fn notes(&self, printed_by: u32, live: u32) -> Vec<Box<Diagnostic>> {
        let same_server = format!("use --ephemeral same-server, or install the binaries of PostgreSQL {live}");
        let mut notes = Vec::new();
        let (plain, doubtful): (Vec<_>, Vec<_>) = self.foreign.iter().partition(|(_, why)| why.is_empty());
        let (count, shown) = listed(plain.iter().map(|(id, _)| *id));
        if count > 0 {
            let texts = if count == 1 { "1 text is".to_owned() } else { format!("{count} texts are") };
            notes.push(
                Diagnostic::info(
                    "other-words",
                    format!("{texts} in the words of PostgreSQL {printed_by}, not in those of the live server ({live}): {shown}"),
                )
                .note("no difference in meaning is known of")
                .help(same_server.clone()),
            );
        }
        for (id, why) in doubtful {
            let why: Vec<&str> = why.iter().map(String::as_str).collect();
            notes.push(
                Diagnostic::warning(
                    "other-meaning",
                    format!("the text of {id} is as PostgreSQL {printed_by} prints it, and may mean something else to {live}"),
                )
                .note(format!("it holds {}", why.join(", and ")))
                .help(same_server.clone()),
            );
        }
        for (id, why) in &self.unsure {
            let why: Vec<&str> = why.iter().map(String::as_str).collect();
            notes.push(
                Diagnostic::warning(
                    "other-meaning",
                    format!("PostgreSQL {printed_by} cannot tell whether {id} is as declared"),
                )
                .note(format!(
                    "it has to do with {}, which means something else to PostgreSQL {live}",
                    why.join(" and ")
                ))
                .note("the plan has the project's own text")
                .help(same_server.clone()),
            );
        }
        notes
    }
}

/// How many there are, and the first of them.
fn listed<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> (usize, String) {
    let all: Vec<String> = ids.map(ToString::to_string).collect();
    let shown: Vec<&str> = all.iter().take(10).map(String::as_str).collect();
    let more = if all.len() > shown.len() { format!(" and {} more", all.len() - shown.len()) } else { String::new() };
    (all.len(), format!("{}{more}", shown.join(", ")))
}

/// The texts of a state that a server of another major version has printed, as far as the live server does not have the same.
pub fn of_another(state: Catalog, live: &Catalog, printed_by: u32) -> Worded {
    let mut worded = Worded::default();
    let mut changed: BTreeMap<ObjectId, Object> = BTreeMap::new();
    for (id, object) in state.iter() {
        let own = live.get(id).filter(|own| own.kind() == object.kind());
        for group in groups(object.kind()) {
            let value = text_value(object, group[0]);
            if !value.is_null() && own.is_none_or(|own| own.value(group[0]) != value) {
                let now = quoted(object, printed_by, live.origin.major);
                worded.note(id, &now.as_ref().unwrap_or(object).value(group[0]), printed_by, live.origin.major);
                if let Some(now) = now {
                    let so_far = changed.entry(id.clone()).or_insert_with(|| object.clone());
                    *so_far = so_far.taking(&now, group);
                }
            }
        }
    }
    let mut builder = state.to_builder();
    for (id, object) in changed {
        builder.put(id, object);
    }
    worded.catalog = builder.finish_unchecked();
    worded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, one: u32, other: u32) -> Vec<String> {
        doubtful(&[text.to_owned()], one, other).into_keys().collect()
    }

    #[test]
    fn what_means_two_things_is_known() {
        let query = "select json_array( (select a from t)) from t";
        assert_eq!(of(query, 18, 19), ["JSON_ARRAY of a query"]);
        assert!(of(query, 17, 18).is_empty());
        assert!(of("select json_array(1, 2), \"json_array\"(select 1)", 18, 19).is_empty());
        assert_eq!(of("select system_user", 15, 19), ["system_user"]);
        assert!(of("select \"system_user\", json_value from t", 15, 19).is_empty());
        assert_eq!(of("select json_value(a)", 16, 19), ["json_value"]);
        assert!(of("select json_value(a)", 19, 16).is_empty());
        assert_eq!(of("a::oid8", 18, 19), ["the type oid8"]);
        assert!(of("public.json_scalar(a), a::public.oid8", 15, 19).is_empty());
    }

    #[test]
    fn names_that_are_keywords_to_a_newer_server_are_quoted() {
        let of = |text: &str| in_quotes(text, 15, 17);
        assert_eq!(
            of("select System_User, t.system_user from t").as_deref(),
            Some("select \"system_user\", t.system_user from t")
        );
        assert_eq!(
            of("json_scalar('x'::text) || 'json_scalar(' || json_scalar").as_deref(),
            Some("\"json_scalar\"('x'::text) || 'json_scalar(' || json_scalar")
        );
        assert_eq!(of("\"json_scalar\"(a) || s.json_scalar(a)"), None);
        assert_eq!(in_quotes("system_user", 17, 15), None);
        assert_eq!(in_quotes("system_user", 16, 17), None);
        let default = crate::kinds::table::default::Default { expression: "json_scalar(1)".into() };
        let now = quoted(&default.into(), 15, 17).expect("changes");
        assert_eq!(now.value("expression"), "\"json_scalar\"(1)");
    }

    #[test]
    fn a_print_may_hide_what_it_was_made_of() {
        let print = ["SELECT ( SELECT JSON_ARRAYAGG(q.a RETURNING json) FROM (SELECT 1) q(a))".to_owned()];
        assert_eq!(doubtful_print(&print, 18, 19).len(), 1);
        assert!(doubtful_print(&print, 18, 17).is_empty());
        assert_eq!(doubtful_print(&["USING gist (ip gist_inet_ops)".to_owned()], 18, 19).len(), 1);
        assert!(doubtful_print(&["SELECT \"system_user\"".to_owned()], 16, 15).is_empty());
    }
}
