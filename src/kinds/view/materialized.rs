//! Materialized views (`pg_class` of kind `m`; CREATE MATERIALIZED VIEW). Their rows can be computed again.

use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::options::Options;
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::options::Holder;
use crate::kinds::table::index::Index;
use crate::kinds::table::{options_change, options_sql};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

use super::{COLUMNS, COMMENT, GRANTS, OWNER, QUERY, WAS, aliases_sql, column, query_text};

attributes! {
    /// A materialized view.
    pub struct MaterializedView {
        /// The column names given before AS; the server works them into the query.
        aliases: Vec<String> => Ignore,
        /// The query, without a final semicolon.
        query: String => Replace,
        /// The table access method, where it is not heap.
        access_method: Option<String> => AlterIf(|c| c.cx.major >= versions::SET_ACCESS_METHOD, alter_access_method),
        /// The tablespace, where it is not the database's own.
        tablespace: Option<String> => Alter(alter_tablespace),
        /// Storage parameters, those of the TOAST table as `toast.name`.
        options: Options => Alter(alter_options),
        /// Whether it holds rows: false for WITH NO DATA.
        populated: bool => Alter(alter_populated),
    }
}

impl Default for MaterializedView {
    fn default() -> Self {
        Self {
            aliases: Vec::new(),
            query: String::new(),
            access_method: None,
            tablespace: None,
            options: Options::new(),
            populated: true,
        }
    }
}

fn alter(change: &Change<'_, MaterializedView>, clause: &str, mode: LockMode) -> Step {
    let step = Step::alter(change.id, format!("ALTER MATERIALIZED VIEW {} {clause}", change.id.sql()));
    change.cx.locked(step, mode, change.id)
}

fn alter_access_method(change: &Change<'_, MaterializedView>) -> Vec<Step> {
    let method = change.new.access_method.as_deref().unwrap_or("heap");
    vec![
        alter(change, &format!("SET ACCESS METHOD {}", Ident(method)), LockMode::AccessExclusive)
            .hazard(HazardKind::Rewrite, "its rows are rewritten while nobody can read it"),
    ]
}

fn alter_tablespace(change: &Change<'_, MaterializedView>) -> Vec<Step> {
    let space = change.new.tablespace.as_deref().unwrap_or("pg_default");
    vec![
        alter(change, &format!("SET TABLESPACE {}", Ident(space)), LockMode::AccessExclusive)
            .hazard(HazardKind::Rewrite, "its files are copied while nobody can read it"),
    ]
}

fn alter_options(change: &Change<'_, MaterializedView>) -> Vec<Step> {
    options_change(&change.old.options, &change.new.options)
        .iter()
        .map(|clause| alter(change, clause, LockMode::ShareUpdateExclusive))
        .collect()
}

fn alter_populated(change: &Change<'_, MaterializedView>) -> Vec<Step> {
    let (clause, hazard, reason) = if change.new.populated {
        ("", HazardKind::Blocking, "its readers wait while its query runs")
    } else {
        (" WITH NO DATA", HazardKind::Breaking, "reading it fails until it is refreshed")
    };
    let step =
        Step::alter(change.id, format!("REFRESH MATERIALIZED VIEW {}{clause}", change.id.sql())).hazard(hazard, reason);
    let mut step = change.cx.locked(step, LockMode::AccessExclusive, change.id).rank(5);
    if change.new.populated {
        step = step.phase(Phase::Migrate).transaction(Transaction::Own);
    } else {
        step = step.phase(Phase::Contract);
    }
    vec![step]
}

impl Kind for MaterializedView {
    const INFO: KindInfo = KindInfo {
        copies: true,
        namespaces: &["relation", "type"],
        ..KindInfo::new("materialized_view", "materialized view")
    };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("MATERIALIZED VIEW {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut sql = format!("CREATE {}{}", self.address(id), aliases_sql(&self.aliases));
        if let Some(method) = &self.access_method {
            sql.push_str(&format!(" USING {}", Ident(method)));
        }
        if !self.options.is_empty() {
            sql.push_str(&format!(" WITH ({})", options_sql(&self.options)));
        }
        if let Some(space) = &self.tablespace {
            sql.push_str(&format!(" TABLESPACE {}", Ident(space)));
        }
        sql.push_str(&format!(" AS\n{}", self.query));
        if !self.populated {
            sql.push_str("\nWITH NO DATA");
        }
        let mut steps = vec![Step::create(id, sql)];
        column::creations(id, cx, &mut steps);
        steps
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::drop(id, format!("DROP {}", self.address(id))).lock(LockMode::AccessExclusive, id);
        vec![step.hazard(HazardKind::Breaking, "code that reads it fails afterwards")]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Query(self.query.clone()));
    }
}

impl Introspect for MaterializedView {
    const QUERY: &'static str = include_str!("materialized.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::MaterializedView, "pg_class")? else { return Ok(()) };
        let query = crate::sql::in_one_form(query_text(row.text("query")?));
        let access_method = row.opt_string("access_method")?;
        let tablespace = row.opt_string("tablespace")?;
        let mut options = row.options("options")?;
        options.extend(row.options("toast_options")?.into_iter().map(|(k, v)| (format!("toast.{k}"), v)));
        let populated = row.bool("populated")?;
        let view = Self { aliases: Vec::new(), query, access_method, tablespace, options, populated };
        let handle = out.add(id.clone(), view, "pg_class", oid, 0);
        super::add_aliases(row, handle, out)?;
        crate::kinds::component::read_row_type_access(row, &id, out)?;
        out.access(row, &id, 'r')
    }
}

impl MaterializedView {
    fn of_node<'n>(node: &'n Node, cx: &mut DeclareContext<'_>) -> Result<(Self, Option<Fields<'n>>)> {
        if let Some(text) = node.word() {
            return Ok((Self { query: super::checked_query(text, node)?, ..Self::default() }, None));
        }
        let fields = Fields::of(node, "a materialized view", Self::DEFINITION.keys)?;
        let access_method = fields.name("using")?.filter(|m| *m != "heap").map(str::to_owned);
        let view = Self {
            aliases: super::declared_aliases(&fields)?,
            query: super::declared_query(&fields)?,
            options: cx.options(&fields, "with", Holder::table(access_method.as_deref()))?,
            access_method,
            tablespace: fields.name("tablespace")?.map(str::to_owned),
            populated: fields.bool("populated")?.unwrap_or(true),
        };
        Ok((view, Some(fields)))
    }

    fn out(&self, others: Vec<(String, Out)>) -> Out {
        let mut entries = Vec::new();
        if let Some(method) = &self.access_method {
            entries.push(("using".to_owned(), Out::text(method)));
        }
        if let Some(space) = &self.tablespace {
            entries.push(("tablespace".to_owned(), Out::text(space)));
        }
        if !self.options.is_empty() {
            entries.push(("with".to_owned(), super::options_out(&self.options)));
        }
        if !self.populated {
            entries.push(("populated".to_owned(), Out::Bool(false)));
        }
        if !self.aliases.is_empty() {
            entries.push(("columns".to_owned(), Out::flow(&self.aliases)));
        }
        if entries.is_empty() && others.is_empty() {
            return Out::Block(self.query.clone());
        }
        entries.push(("query".to_owned(), Out::Block(self.query.clone())));
        entries.extend(others);
        Out::Map(entries)
    }
}

impl Declare for MaterializedView {
    const DEFINITION: Definition = Definition {
        name: "materialized_views",
        doc: "Materialized views.",
        scalar: Some("The query: `select day, sum(amount) from orders group by day`"),
        keys: &[
            KeyDoc { name: "using", doc: "The table access method; default heap.", shape: Shape::Name },
            KeyDoc { name: "tablespace", doc: "The tablespace; default the database's own.", shape: Shape::Name },
            KeyDoc { name: "with", doc: "Storage parameters: `{fillfactor: 70}`.", shape: Shape::TextMap },
            KeyDoc {
                name: "populated",
                doc: "Whether it holds rows; false means WITH NO DATA.",
                shape: Shape::Boolean,
            },
            COLUMNS,
            QUERY,
            KeyDoc { name: "indexes", doc: "Its indexes.", shape: Shape::MapOf(&Shape::Ref("indexes")) },
            COMMENT,
            OWNER,
            GRANTS,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::MaterializedView, key)?;
        let (view, fields) = Self::of_node(node, cx)?;
        let known = cx.known(&id).and_then(Self::of).is_some_and(|k| k.query == view.query && view.aliases.is_empty());
        cx.add(id.clone(), view, &key.location)?;
        if let Some(fields) = fields {
            cx.was(&fields, &id)?;
            column::declare(&fields, &id, cx)?;
            for (key, node) in fields.map("indexes")? {
                Index::declare(Some(&id), key, node, cx)?;
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
        // Indexes lie in the schema beside the view.
        let indexes: Vec<_> = cx
            .catalog
            .dependents(id)
            .filter_map(|(index, _)| Index::get(cx.catalog, index).map(|found| (index, found)))
            .filter(|(_, found)| found.relation == *id)
            .map(|(index, found)| (index.name().into_owned(), found.write(index, cx)))
            .collect();
        if !indexes.is_empty() {
            others.push(("indexes".to_owned(), Out::Map(indexes)));
        }
        others.extend(cx.components(id));
        self.out(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;
    use crate::yaml::{parse, to_yaml};

    #[test]
    fn materialized_views_round_trip() {
        let plain = MaterializedView { query: "SELECT 1".into(), ..MaterializedView::default() };
        let full = MaterializedView {
            access_method: Some("columnar".into()),
            tablespace: Some("fast".into()),
            options: [("fillfactor", "70"), ("toast.autovacuum_enabled", "false")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            populated: false,
            ..plain.clone()
        };
        for view in [plain, full] {
            let text = to_yaml(&Out::Map(vec![("v".into(), view.out(Vec::new()))]));
            let node = parse(&Source::new("a.yaml", text.as_str())).unwrap();
            let (_, node) = &node.entries().unwrap()[0];
            let mut cx = DeclareContext::new("public", None);
            assert_eq!(MaterializedView::of_node(node, &mut cx).unwrap().0, view, "{text}");
        }
    }
}
