//! Views (`pg_class` of kind `v`; CREATE VIEW), and beside them materialized views and the columns of both.

pub mod column;
pub mod materialized;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident_list};
use crate::core::options::Options;
use crate::core::step::{HazardKind, LockMode, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::options::Holder;
use crate::kinds::table::{options_change, options_sql};
use crate::kinds::trigger::Trigger;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;
use crate::yaml::fields::TextOrFile;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A view.
    #[derive(Default)]
    pub struct View {
        /// The names and types of its columns, as the server knows them; empty in a state that no server has seen.
        columns: Vec<(String, String)> => RestateIf(keeps_columns),
        /// The column names given before AS; the server works them into the query.
        aliases: Vec<String> => Ignore,
        /// The query, without a final semicolon.
        query: String => RestateIf(keeps_columns),
        /// `security_invoker`, `security_barrier`, `check_option`.
        options: Options => Alter(alter_options),
    }
}

/// Whether CREATE OR REPLACE VIEW accepts the new columns: those there are stay as they are, others may follow.
fn keeps_columns(change: &Change<'_, View>) -> bool {
    let (old, new) = (&change.old.columns, &change.new.columns);
    !old.is_empty() && !new.is_empty() && new.starts_with(old)
}

fn alter_options(change: &Change<'_, View>) -> Vec<Step> {
    // Stating the view again states its options.
    if change.old.query != change.new.query || change.old.columns != change.new.columns {
        return Vec::new();
    }
    options_change(&change.old.options, &change.new.options)
        .into_iter()
        .map(|clause| {
            let step = Step::alter(change.id, format!("ALTER VIEW {} {clause}", change.id.sql()));
            access(change.cx.locked(step, LockMode::AccessExclusive, change.id), change.old, change.new, change.cx)
        })
        .collect()
}

/// Adds the hazard of a change of whose rights the view reads with.
fn access(step: Step, old: &View, new: &View, cx: &PlanContext<'_>) -> Step {
    let on = |view: &View, option: &str| view.options.get(option).is_some_and(|v| is_true(v));
    let mut step = step;
    let hazard = |step: Step, option: &str, reason: String| {
        let unsaid = cx.guarded.is_some() && old.options.contains_key(option) && !new.options.contains_key(option);
        match unsaid {
            true => {
                let reason = format!("{reason}, and the project does not say `{option}` of it");
                step.hazard_to_consent_to(HazardKind::Access, reason)
            }
            false => step.hazard(HazardKind::Access, reason),
        }
    };
    if on(old, "security_invoker") != on(new, "security_invoker") {
        let rights = if on(new, "security_invoker") { "whoever reads it" } else { "its owner" };
        step = hazard(step, "security_invoker", format!("it reads with the rights of {rights} from now on"));
    }
    if on(old, "security_barrier") && !on(new, "security_barrier") {
        let reason = "a function in a reader's query may see rows that the view hides from now on";
        step = hazard(step, "security_barrier", reason.to_owned());
    }
    if old.options.contains_key("check_option") && !new.options.contains_key("check_option") {
        let reason = "whoever may write through it may write rows that it does not show from now on";
        step = hazard(step, "check_option", reason.to_owned());
    }
    step
}

/// Whether a storage parameter means true, in any of the spellings that PostgreSQL takes.
fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1" | "t" | "y" | "tr" | "tru" | "ye")
}

/// ` (a, b)` where there are names.
pub(crate) fn aliases_sql(aliases: &[String]) -> String {
    if aliases.is_empty() { String::new() } else { format!(" ({})", ident_list(aliases)) }
}

/// A query as the server prints it, without the space before and the semicolon behind.
pub(crate) fn query_text(printed: &str) -> String {
    let text = printed.trim();
    text.strip_suffix(';').unwrap_or(text).trim_end().to_owned()
}

impl View {
    fn sql(&self, id: &ObjectId, replace: bool) -> String {
        let mut sql = format!(
            "CREATE {}VIEW {}{}",
            if replace { "OR REPLACE " } else { "" },
            id.sql(),
            aliases_sql(&self.aliases)
        );
        if !self.options.is_empty() {
            sql.push_str(&format!(" WITH ({})", options_sql(&self.options)));
        }
        sql.push_str(&format!(" AS\n{}", self.query));
        sql
    }
}

impl Kind for View {
    const INFO: KindInfo = KindInfo { namespaces: &["relation", "type"], ..KindInfo::new("view", "view") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("VIEW {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::create(id, self.sql(id, false));
        let mut steps = vec![match Self::get(cx.from, id) {
            Some(old) => access(step, old, self, cx),
            None => step,
        }];
        column::creations(id, cx, &mut steps);
        steps
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::drop(id, format!("DROP {}", self.address(id))).lock(LockMode::AccessExclusive, id);
        vec![step.hazard(HazardKind::Breaking, "code that reads it fails afterwards")]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        // CREATE OR REPLACE VIEW drops the options that it does not name, security_invoker too.
        let mut step = Step::alter(change.id, change.new.sql(change.id, true));
        for (id, _) in change.cx.children(change.id, KindTag::ViewColumn) {
            if change.cx.from.get(id).is_none() {
                step.creates.push(id.clone());
            }
        }
        vec![access(change.cx.locked(step, LockMode::AccessExclusive, change.id), change.old, change.new, change.cx)]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Query(self.query.clone()));
    }
}

impl Introspect for View {
    const QUERY: &'static str = include_str!("view.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::View, "pg_class")? else { return Ok(()) };
        // The columns come with their own query.
        let view = Self {
            query: crate::sql::in_one_form(query_text(row.text("query")?)),
            options: row.options("options")?,
            ..Self::default()
        };
        let handle = out.add(id.clone(), view, "pg_class", oid, 0);
        add_aliases(row, handle, out)?;
        crate::kinds::component::read_row_type_access(row, &id, out)?;
        out.access(row, &id, 'r')
    }
}

/// What else `pg_depend` calls a view: its rule, its row type, the array of that.
fn add_aliases(row: &Row<'_>, handle: u32, out: &mut Reader) -> Result<()> {
    out.alias(handle, "pg_rewrite", row.number("rule")?, 0);
    out.alias(handle, "pg_type", row.number("row_type")?, 0);
    if let Some(array) = row.opt_number("array_type")? {
        out.alias(handle, "pg_type", array, 0);
    }
    Ok(())
}

/// The key `query` of a view.
pub(crate) const QUERY: KeyDoc = KeyDoc { name: "query", doc: "The query, or `!file path`.", shape: Shape::TextOrFile };
/// The key `columns` of a view.
pub(crate) const COLUMNS: KeyDoc = KeyDoc {
    name: "columns",
    doc: "A list of names for the columns, or a mapping from column names to what there is to say of each.",
    shape: Shape::AnyOf(&[Shape::TextList, Shape::MapOf(&Shape::Ref("view_columns"))]),
};
/// The key `comment`.
pub(crate) const COMMENT: KeyDoc = KeyDoc { name: "comment", doc: "The comment on it.", shape: Shape::Text };
/// The key `owner`.
pub(crate) const OWNER: KeyDoc = KeyDoc { name: "owner", doc: "The role that owns it.", shape: Shape::Name };
/// The key `grants`.
pub(crate) const GRANTS: KeyDoc = KeyDoc {
    name: "grants",
    doc: "Privileges by role: `{authenticated: [select]}`. Of the roles that the project names, those not listed have none.",
    shape: Shape::Any,
};
/// The key `was`.
pub(crate) const WAS: KeyDoc = KeyDoc { name: "was", doc: "The name it had before.", shape: Shape::Text };

/// A query that was written by a person: without the white space around it and a final semicolon.
pub(crate) fn declared_query(fields: &Fields<'_>) -> Result<String> {
    let node = fields.require("query")?;
    match fields.text_or_file("query")? {
        Some(TextOrFile::File(path)) => {
            Err(Diagnostic::error("unread-file", format!("the file `{path}` has not been read")).at(node.place()))
        }
        Some(TextOrFile::Text(text)) => checked_query(text, node),
        None => checked_query("", node),
    }
}

/// See [`declared_query`].
pub(crate) fn checked_query(text: &str, node: &Node) -> Result<String> {
    let query = query_text(text);
    if query.is_empty() {
        return Err(Diagnostic::error("query", "a view needs a query").at(node.place()));
    }
    crate::kinds::types::fragment::one_statement(&format!("SELECT 1 FROM (\n{query}\n) q"), &query, node, "one query")?;
    Ok(query)
}

/// The column names in a list under `columns`.
pub(crate) fn declared_aliases(fields: &Fields<'_>) -> Result<Vec<String>> {
    match fields.get("columns") {
        Some(node) if node.items().is_some() => {
            Ok(node.as_words("`columns` of a view")?.into_iter().map(str::to_owned).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// The options as YAML: `true` and `false` bare.
pub(crate) fn options_out(options: &Options) -> Out {
    let value = |v: &String| match v.as_str() {
        "true" => Out::Bool(true),
        "false" => Out::Bool(false),
        _ => v
            .parse()
            .map_or_else(|_| Out::text(v), |n: i64| if n.to_string() == *v { Out::Int(n) } else { Out::text(v) }),
    };
    Out::FlowMap(options.iter().map(|(k, v)| (k.clone(), value(v))).collect())
}

impl View {
    /// Reads the view itself out of its node.
    fn of_node<'n>(node: &'n Node, cx: &mut DeclareContext<'_>) -> Result<(Self, Option<Fields<'n>>)> {
        if let Some(text) = node.word() {
            return Ok((Self { query: checked_query(text, node)?, ..Self::default() }, None));
        }
        let fields = Fields::of(node, "a view", Self::DEFINITION.keys)?;
        let view = Self {
            query: declared_query(&fields)?,
            options: cx.options(&fields, "options", Holder::View)?,
            aliases: declared_aliases(&fields)?,
            columns: Vec::new(),
        };
        Ok((view, Some(fields)))
    }

    fn out(&self, others: Vec<(String, Out)>) -> Out {
        if self.options.is_empty() && self.aliases.is_empty() && others.is_empty() {
            return Out::Block(self.query.clone());
        }
        let mut entries = Vec::new();
        if !self.options.is_empty() {
            entries.push(("options".to_owned(), options_out(&self.options)));
        }
        if !self.aliases.is_empty() {
            entries.push(("columns".to_owned(), Out::flow(&self.aliases)));
        }
        entries.push(("query".to_owned(), Out::Block(self.query.clone())));
        entries.extend(others);
        Out::Map(entries)
    }
}

impl Declare for View {
    const DEFINITION: Definition = Definition {
        name: "views",
        doc: "Views.",
        scalar: Some("The query: `select id, name from customers`"),
        keys: &[
            KeyDoc {
                name: "options",
                doc: "security_invoker, security_barrier (true or false), check_option (local or cascaded).",
                shape: Shape::TextMap,
            },
            COLUMNS,
            QUERY,
            KeyDoc {
                name: "triggers",
                doc: "INSTEAD OF triggers and statement triggers.",
                shape: Shape::MapOf(&Shape::Ref("triggers")),
            },
            COMMENT,
            OWNER,
            GRANTS,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::View, key)?;
        let (mut view, fields) = Self::of_node(node, cx)?;
        // The same query over again has the columns it has.
        let known = cx.known(&id).and_then(Self::of).filter(|k| k.query == view.query && view.aliases.is_empty());
        if let Some(known) = known {
            view.columns.clone_from(&known.columns);
        }
        let known = known.is_some();
        cx.add(id.clone(), view, &key.location)?;
        if let Some(fields) = fields {
            cx.was(&fields, &id)?;
            column::declare(&fields, &id, cx)?;
            for (key, node) in fields.map("triggers")? {
                Trigger::declare(Some(&id), key, node, cx)?;
            }
            cx.components(&fields, &id)?;
        }
        if known {
            column::adopt(&id, &key.location, cx)?;
        }
        Ok(())
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut others = Vec::new();
        others.extend(column::write(id, cx));
        others.extend(cx.children(id, KindTag::Trigger, Trigger::of));
        others.extend(cx.components(id));
        self.out(others)
    }
}

impl View {
    /// Adds a column to the object if it is a view: a materialized view does not keep them.
    fn add_column(object: Option<&mut Object>, name: &str, type_name: &str) {
        if let Some(Object::View(view)) = object {
            std::sync::Arc::make_mut(view).columns.push((name.to_owned(), type_name.to_owned()));
        }
    }
}

/// The name of a column in `ALTER VIEW … ALTER COLUMN`.
fn column_sql(id: &ObjectId) -> String {
    Ident(&id.name()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;
    use crate::yaml::{parse, to_yaml};

    #[test]
    fn views_round_trip() {
        let plain = View {
            query: "SELECT t.id,\n    t.a\n   FROM app.t\n  WHERE (t.a = 'x: y'::text)".into(),
            ..View::default()
        };
        let with_options = View {
            options: [("security_invoker", "true"), ("check_option", "local")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            aliases: vec!["a".into(), "no".into()],
            query: "select 1, 2".into(),
            columns: Vec::new(),
        };
        for view in [plain, with_options] {
            let text = to_yaml(&Out::Map(vec![("v".into(), view.out(Vec::new()))]));
            let node = parse(&Source::new("a.yaml", text.as_str())).unwrap();
            let (_, node) = &node.entries().unwrap()[0];
            let mut cx = DeclareContext::new("public", None);
            assert_eq!(View::of_node(node, &mut cx).unwrap().0, view, "{text}");
        }
    }

    #[test]
    fn all_options_are_stated() {
        let id = ObjectId::in_schema(KindTag::View, "app", "v");
        let view = View {
            options: [("security_invoker".to_owned(), "true".to_owned())].into(),
            aliases: vec!["a b".into()],
            query: "SELECT 1".into(),
            columns: Vec::new(),
        };
        assert_eq!(
            view.sql(&id, true),
            "CREATE OR REPLACE VIEW app.v (\"a b\") WITH (security_invoker='true') AS\nSELECT 1"
        );
    }

    #[test]
    fn queries_lose_their_semicolon() {
        assert_eq!(query_text(" SELECT 1\n   FROM t;"), "SELECT 1\n   FROM t");
        assert_eq!(query_text("select ';' ;\n"), "select ';'");
    }
}
