//! Indexes that stand for themselves (`pg_index`; CREATE INDEX). Those behind a key are part of the constraint.

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident, literal, qualified};
use crate::core::options::Options;
use crate::core::step::{Action, HazardKind, LockMode, MENDED, Phase, Step, Transaction};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::component::grant::given_on_what_it_calls;
use crate::kinds::options::Holder;
use crate::kinds::table::partition::{
    attachments_before, detached_for_keys, detachments_before, has_all_parts, has_attached_children, is_completed,
    parts_before, unless_part, whole_of,
};
use crate::kinds::table::premise;
use crate::kinds::table::targets::{self, Targets};
use crate::kinds::types::in_expressions;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// An index of a table or materialized view.
    pub struct Index {
        /// The table or materialized view.
        relation: ObjectId => Replace,
        /// UNIQUE.
        unique: bool => Replace,
        /// Method, columns, INCLUDE and NULLS NOT DISTINCT: `USING gin (tags)`, `(a, b DESC) INCLUDE (c)`.
        definition: String => Replace,
        /// The condition of a partial index.
        predicate: Option<String> => Replace,
        /// Storage parameters.
        options: Options => AlterIf(is_not_partitioned, alter_options),
        /// The tablespace, where it is not the database's own.
        tablespace: Option<String> => Alter(alter_tablespace),
        /// Statistics targets of expression columns, by number.
        statistics: Targets => Alter(alter_statistics),
        /// Whether CLUSTER uses it.
        clustered: bool => Alter(alter_clustered),
        /// False for what a failed CREATE INDEX CONCURRENTLY leaves behind.
        valid: bool => Replace,
        /// ON ONLY a partitioned table, of which some partitions have no part of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        only: bool => AlterIf(|c| !c.new.only && is_completed(c.id, c.cx), |_| Vec::new()),
    }
}

/// PostgreSQL changes no storage parameters of a partitioned index.
fn is_not_partitioned(change: &Change<'_, Index>) -> bool {
    !super::is_partitioned(&change.new.relation, change.cx)
}

fn alter_options(change: &Change<'_, Index>) -> Vec<Step> {
    options_steps(change.id, &change.id.sql(), &change.new.relation, &change.old.options, &change.new.options)
}

/// The steps that change the storage parameters of an index, as changes of `id`.
pub(super) fn options_steps(id: &ObjectId, index: &str, table: &ObjectId, old: &Options, new: &Options) -> Vec<Step> {
    let clauses = super::options_change(old, new).into_iter();
    let step = |clause| Step::alter(id, format!("ALTER INDEX {index} {clause}"));
    clauses.map(|clause| step(clause).lock(LockMode::ShareUpdateExclusive, table)).collect()
}

fn alter_tablespace(change: &Change<'_, Index>) -> Vec<Step> {
    tablespace_steps(change.id, &change.id.sql(), &change.new.relation, change.new.tablespace.as_deref())
}

/// The step that moves an index to another tablespace, as a change of `id`.
pub(super) fn tablespace_steps(id: &ObjectId, index: &str, table: &ObjectId, space: Option<&str>) -> Vec<Step> {
    let sql = format!("ALTER INDEX {index} SET TABLESPACE {}", Ident(space.unwrap_or("pg_default")));
    let step = Step::alter(id, sql).lock(LockMode::AccessExclusive, table);
    vec![step.hazard(HazardKind::Blocking, "the index is copied while nobody can use it")]
}

fn alter_statistics(change: &Change<'_, Index>) -> Vec<Step> {
    targets::steps(change.id, &change.id.sql(), &change.old.statistics, &change.new.statistics)
}

fn alter_clustered(change: &Change<'_, Index>) -> Vec<Step> {
    let clause = if change.new.clustered {
        format!("CLUSTER ON {}", Ident(&change.id.name()))
    } else {
        "SET WITHOUT CLUSTER".to_owned()
    };
    let table = &change.new.relation;
    let step = Step::alter(change.id, format!("ALTER {} {} {clause}", relation_words(table), table.sql()))
        .lock(LockMode::ShareUpdateExclusive, table);
    vec![step.rank(u8::from(change.new.clustered))]
}

fn relation_words(relation: &ObjectId) -> &'static str {
    if relation.kind() == KindTag::MaterializedView { "MATERIALIZED VIEW" } else { "TABLE" }
}

/// A query that is true once the index of this name exists and is valid.
pub(crate) fn is_valid_query(table: &ObjectId, name: &str) -> String {
    let index = qualified(&table.schema().unwrap_or_default(), name);
    format!(
        "SELECT coalesce((SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass({})), false)",
        literal(&index)
    )
}

/// The statement that removes what a build cut off in the middle left behind.
pub(crate) fn drop_invalid(table: &ObjectId, name: &str) -> String {
    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(&table.schema().unwrap_or_default(), name))
}

impl Index {
    fn statement(&self, id: &ObjectId, concurrently: bool, only: bool) -> String {
        self.statement_named(&id.name(), concurrently, only)
    }

    fn statement_named(&self, name: &str, concurrently: bool, only: bool) -> String {
        let mut sql = format!(
            "CREATE {}INDEX {}{} ON {}{} {}",
            if self.unique { "UNIQUE " } else { "" },
            if concurrently { "CONCURRENTLY " } else { "" },
            Ident(name),
            if only { "ONLY " } else { "" },
            self.relation.sql(),
            self.definition
        );
        if !self.options.is_empty() {
            sql.push_str(&format!(" WITH ({})", super::options_sql(&self.options)));
        }
        if let Some(space) = &self.tablespace {
            sql.push_str(&format!(" TABLESPACE {}", Ident(space)));
        }
        if let Some(predicate) = &self.predicate {
            sql.push_str(&format!(" WHERE {predicate}"));
        }
        sql
    }

    /// The statement as `pg_get_indexdef` prints it, without storage parameters and tablespace.
    pub(crate) fn plain_statement(&self, id: &ObjectId) -> String {
        let definition = super::classes::unnamed(&self.definition);
        let plain = Self { options: Options::new(), tablespace: None, definition, ..self.clone() };
        plain.statement(id, false, false).replacen(" USING btree ", " ", 1)
    }

    /// Whether the new form is built before the old one goes.
    fn builds_beside(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        let whole = |catalog, attached: bool| {
            super::Table::get(catalog, &self.relation).is_none_or(|t| t.partition_key.is_none())
                && !attached
                && !has_attached_children(id, catalog)
        };
        let attached = |catalog| crate::kinds::table::partition::is_attached(id, catalog);
        whole(cx.from, attached(cx.from))
            && whole(cx.to, attached(cx.to))
            && self.is_renewed(id, cx)
            && cx.can_build_beside(id)
            && !in_expressions::is_in_the_way(id, cx)
    }

    /// Whether the index is dropped and made again on the same relation. Where its new form cannot be built beside the old one
    /// (its column changes its type), both happen in one transaction.
    fn is_renewed(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        let same = |catalog| Self::get(catalog, id).is_some_and(|index| index.relation == self.relation);
        same(cx.from) && same(cx.to) && cx.is_dropped(id) && cx.is_new(id) && !cx.is_dropped(&self.relation)
    }

    /// The new form, built under another name, takes the place of the old one.
    fn takes_place(&self, build: Step, id: &ObjectId, name: &str, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut build =
            build.after(&ObjectId::in_schema(KindTag::Index, &id.schema().unwrap_or_default(), name)).beside();
        build.action = Action::Alter;
        build.creates.clear();
        build.rank = MENDED;
        let from = qualified(&id.schema().unwrap_or_default(), name);
        let rename = Step::create(id, format!("ALTER INDEX {from} RENAME TO {}", Ident(&id.name())))
            .lock(LockMode::ShareUpdateExclusive, &self.relation)
            .phase(self.drop_phase(id, cx));
        vec![build, rename]
    }

    /// An index that goes may be what old code is fast by, or what its ON CONFLICT names. One that is merely built anew is not
    /// missed, unless it forbade what the new one allows, or the other way round.
    fn drop_phase(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Phase {
        let unique = |catalog| Self::get(catalog, id).is_some_and(|index| index.unique);
        let renewed = self.builds_beside(id, cx) && !unique(cx.from) && !unique(cx.to);
        if renewed { Phase::Expand } else { Phase::Contract }
    }
}

/// Whether something that is made again rests on the index (a replica identity, a foreign key): the old form then goes, and the
/// new one takes its name, in the transaction in which that is made again.
fn is_held(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let made_again = |d: &ObjectId| !d.kind().is_component() && cx.is_dropped(d) && cx.is_new(d);
    cx.from.dependents(id).any(|(d, edge)| edge == Edge::Hard && made_again(d))
}

impl Kind for Index {
    const INFO: KindInfo =
        KindInfo { same_by_definition: true, namespaces: &["relation"], ..KindInfo::new("index", "index") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("INDEX {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let table = &self.relation;
        let only = self.only || has_all_parts(id, cx.to);
        let partitioned = super::Table::get(cx.to, table).is_some_and(|t| t.partition_key.is_some());
        let beside = !partitioned && self.builds_beside(id, cx);
        let online = cx.online && !cx.is_new(table) && !partitioned && (beside || !self.is_renewed(id, cx));
        let name = if beside { crate::core::name::beside(&id.name()) } else { id.name().into_owned() };
        let mut step = Step::create(id, self.statement_named(&name, online, only));
        if online {
            step = step
                .lock(LockMode::ShareUpdateExclusive, table)
                .transaction(Transaction::None)
                .done_when(is_valid_query(table, &name));
            step.cleanup = Some(drop_invalid(table, &name));
            if self.unique {
                step = step
                    .phase(Phase::Contract)
                    .hazard(HazardKind::Breaking, "writes that repeat a value fail from here on");
            }
        } else {
            step = cx.locked(step, LockMode::Share, table);
            if !cx.is_new(table) && cx.online && !only {
                step = step.hazard(HazardKind::Blocking, "the index is built while writes wait");
            }
        }
        step.premise = premise::unique_index(self, id, cx);
        step.requires.extend(attachments_before(id, self.only, cx));
        step.requires.extend(parts_before(id, cx));
        if only {
            step.after.extend(detachments_before(table, cx));
        }
        step.requires.extend(given_on_what_it_calls(id, cx));
        let mut steps = vec![step];
        if beside {
            steps = self.takes_place(steps.remove(0), id, &name, cx);
        }
        steps.extend(targets::steps(id, &id.sql(), &Targets::new(), &self.statistics));
        if self.clustered {
            let step = Step::alter(
                id,
                format!("ALTER {} {} CLUSTER ON {}", relation_words(table), table.sql(), Ident(&id.name())),
            )
            .rank(3);
            steps.push(cx.locked(step, LockMode::ShareUpdateExclusive, table));
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let partitioned = super::Table::get(cx.from, &self.relation).is_some_and(|t| t.partition_key.is_some());
        if cx.online
            && !partitioned
            && !has_attached_children(id, cx.from)
            && !crate::kinds::table::partition::is_attached(id, cx.from)
            && !cx.is_dropped(&self.relation)
            && (!self.is_renewed(id, cx) || self.builds_beside(id, cx))
            && !is_held(id, cx)
        {
            let mut step =
                Step::drop(id, format!("DROP INDEX CONCURRENTLY {}", id.sql())).transaction(Transaction::None);
            step = step.lock(LockMode::ShareUpdateExclusive, &self.relation).phase(self.drop_phase(id, cx));
            step.done_when = Some(format!("SELECT to_regclass({}) IS NULL", literal(&id.sql())));
            return vec![step];
        }
        let step = Step::drop(id, format!("DROP INDEX {}", id.sql()))
            .lock(LockMode::AccessExclusive, &self.relation)
            .phase(self.drop_phase(id, cx));
        detached_for_keys(id, &self.relation, unless_part(step, id, cx), cx)
    }

    fn belongs_to(&self, _id: &ObjectId, _catalog: &Catalog) -> Option<ObjectId> {
        Some(self.relation.clone())
    }

    fn handed_down_by(&self, _id: &ObjectId) -> Option<ObjectId> {
        Some(self.relation.clone())
    }

    fn taken_by(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
        whole_of(id, catalog)
    }

    fn survives_rebuild(&self) -> bool {
        true
    }

    /// The part of a partitioned index that the server makes itself.
    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        let whole = whole_of(id, catalog).and_then(|whole| Self::get(catalog, &whole));
        whole.is_some_and(|whole| {
            !whole.only
                && self.statistics.is_empty()
                && *self == Self { relation: self.relation.clone(), statistics: Targets::new(), ..whole.clone() }
        })
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        vec![
            Step::rename(old, format!("ALTER INDEX {} RENAME TO {}", old.sql(), Ident(&new.name())))
                .lock(LockMode::ShareUpdateExclusive, &self.relation)
                .phase(Phase::Expand),
        ]
    }

    fn mentions(&self, id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.relation.clone()));
        out.add(Mention::Statement(self.statement(id, false, false)));
    }
}

impl Introspect for Index {
    const QUERY: &'static str = include_str!("index.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::Index, "pg_class")? else { return Ok(()) };
        let table_oid = row.number("relation")?;
        let Some(relation) = out.at("pg_class", table_oid, 0).cloned() else { return Ok(()) };
        let method = row.text("method")?;
        let unique = row.bool("unique")?;
        let nulls_not_distinct = row.bool("nulls_not_distinct")?;
        let key_count: usize = row.number("key_count")?;
        let key = super::constraint::numbers(row.text("key")?);
        let flags = super::constraint::numbers(row.text("flags")?);
        let (valid, only) = (row.bool("valid")?, row.bool("only")?);
        let clustered = row.bool("clustered")?;
        let one_form = crate::sql::expression_in_one_form;
        let predicate = row.opt("predicate")?.map(|text| one_form(text).into_owned());
        let printed = row.opt("definition")?.map(one_form);
        let printed = printed.as_deref();
        let options = row.options("options")?;
        let tablespace = row.opt_string("tablespace")?;
        let statistics = targets::read(row)?;
        let definition = match printed {
            Some(text) => {
                let tail = definition_of(text, &id, &relation, unique);
                let tail = predicate.as_ref().and_then(|p| tail.strip_suffix(&format!(" WHERE {p}"))).unwrap_or(tail);
                let tail = tablespace
                    .as_ref()
                    .and_then(|t| tail.strip_suffix(&format!(" TABLESPACE {}", Ident(t))))
                    .unwrap_or(tail);
                let tail = tail.strip_suffix(&*printed_options(&options)).unwrap_or(tail);
                tail.strip_prefix("USING btree ").unwrap_or(tail).to_owned()
            }
            None => {
                let mut names = Vec::with_capacity(key.len());
                for (i, number) in key.iter().enumerate() {
                    let Some(column) = out.at("pg_class", table_oid, *number) else { return Ok(()) };
                    let mut text = ident(&column.name());
                    let flag = flags.get(i).copied().unwrap_or(0);
                    if i < key_count && method == "btree" {
                        match (flag & 1 != 0, flag & 2 != 0) {
                            (true, true) => text.push_str(" DESC"),
                            (true, false) => text.push_str(" DESC NULLS LAST"),
                            (false, true) => text.push_str(" NULLS FIRST"),
                            (false, false) => {}
                        }
                    }
                    names.push(text);
                }
                let include = names.split_off(key_count.min(names.len()));
                let mut text = if method == "btree" { String::new() } else { format!("USING {} ", Ident(method)) };
                text.push_str(&format!("({})", names.join(", ")));
                if !include.is_empty() {
                    text.push_str(&format!(" INCLUDE ({})", include.join(", ")));
                }
                if nulls_not_distinct {
                    text.push_str(" NULLS NOT DISTINCT");
                }
                text
            }
        };
        let index = Self {
            relation: relation.clone(),
            unique,
            definition: super::classes::named(&definition, &row.list("classes")?),
            predicate,
            options,
            tablespace,
            statistics,
            clustered,
            valid,
            only,
        };
        let handle = out.add(id, index, "pg_class", oid, 0);
        // The server records the columns too, and takes longer to say them; see `DEPENDENCIES` in `crate::introspect`. In an
        // expression's place stands a 0, which is also how the whole table is addressed.
        for number in key.into_iter().chain([0]) {
            if let Some(on) = out.handle("pg_class", table_oid, number) {
                out.depend(handle, on, Edge::Hard);
            }
        }
        Ok(())
    }
}

/// What follows the table in the text of `pg_get_indexdef`.
fn definition_of<'a>(text: &'a str, id: &ObjectId, relation: &ObjectId, unique: bool) -> &'a str {
    let head = format!("CREATE {}INDEX {} ON ", if unique { "UNIQUE " } else { "" }, Ident(&id.name()));
    let rest = text.strip_prefix(head.as_str()).unwrap_or(text);
    let rest = rest.strip_prefix("ONLY ").unwrap_or(rest);
    rest.strip_prefix(relation.sql().as_str()).unwrap_or(rest).trim_start()
}

/// Storage parameters as `pg_get_indexdef` prints them (`get_reloptions`).
pub(super) fn printed_options(options: &Options) -> String {
    if options.is_empty() {
        return String::new();
    }
    let items: Vec<_> = options
        .iter()
        .map(|(name, value)| {
            let value = if crate::core::name::is_bare(value) { value.to_owned() } else { literal(value) };
            format!("{}={value}", Ident(name))
        })
        .collect();
    format!(" WITH ({})", items.join(", "))
}

impl Declare for Index {
    const DEFINITION: Definition = Definition {
        name: "indexes",
        doc: "Indexes of a table or materialized view.",
        scalar: Some(
            "What follows ON table in CREATE INDEX: `(a, b desc) where x > 0`, `unique (a)`, `using gin (tags)`.",
        ),
        keys: &[
            KeyDoc { name: "definition", doc: "What follows ON table in CREATE INDEX.", shape: Shape::Text },
            KeyDoc { name: "with", doc: "Storage parameters.", shape: Shape::TextMap },
            KeyDoc { name: "tablespace", doc: "The tablespace.", shape: Shape::Text },
            KeyDoc { name: "clustered", doc: "Whether CLUSTER uses it.", shape: Shape::Boolean },
            targets::KEY,
            KeyDoc {
                name: "attach",
                doc: "The index of the partitioned table that this one is a part of.",
                shape: Shape::Text,
            },
            ONLY,
            KeyDoc { name: "comment", doc: "COMMENT ON INDEX.", shape: Shape::Text },
            KeyDoc { name: "was", doc: "The name the index had before.", shape: Shape::Text },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let Some(relation) = parent else {
            return Err(Diagnostic::error("misplaced", "indexes stand inside a table or materialized view")
                .at(key.location.clone()));
        };
        let schema = relation.schema().unwrap_or_default().into_owned();
        let id = ObjectId::in_schema(KindTag::Index, &schema, &key.text);
        if let Some(text) = node.text() {
            let index = parse(relation, &id, text, node, cx)?;
            return cx.add(id, index, &key.location);
        }
        let fields = Fields::of(node, "an index", Self::DEFINITION.keys)?;
        let definition = fields.require("definition")?;
        let Some(text) = definition.text() else {
            return Err(Diagnostic::error("expected-text", "`definition` takes what follows ON table in CREATE INDEX")
                .at(definition.location.clone()));
        };
        let mut index = parse(relation, &id, text, definition, cx)?;
        index.options.extend(cx.options(&fields, "with", Holder::index(&index.definition))?);
        index.tablespace = fields.text("tablespace")?.map(str::to_owned).or(index.tablespace);
        index.clustered = fields.bool("clustered")?.unwrap_or(false);
        index.only = fields.bool(ONLY.name)?.unwrap_or(false);
        index.statistics = targets::declared(&fields)?;
        crate::kinds::table::partition::declare_index_attachment(&fields, &id, cx)?;
        cx.was(&fields, &id)?;
        cx.add(id.clone(), index, &key.location)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let text = self.fragment();
        let mut entries = Vec::new();
        let map = |map: &Options| Out::FlowMap(map.iter().map(|(k, v)| (k.clone(), Out::text(v))).collect());
        if !self.options.is_empty() {
            entries.push(("with".to_owned(), map(&self.options)));
        }
        if let Some(space) = &self.tablespace {
            entries.push(("tablespace".to_owned(), Out::text(space)));
        }
        if self.clustered {
            entries.push(("clustered".to_owned(), Out::Bool(true)));
        }
        entries.extend(targets::written(&self.statistics));
        if self.only {
            entries.push((ONLY.name.to_owned(), Out::Bool(true)));
        }
        entries.extend(crate::kinds::table::partition::write_index_attachment(id, cx));
        entries.extend(cx.components(id));
        if entries.is_empty() {
            return Out::block(&text);
        }
        entries.insert(0, ("definition".to_owned(), Out::block(&text)));
        Out::Map(entries)
    }
}

impl Index {
    /// The definition as it stands in YAML.
    fn fragment(&self) -> String {
        let unique = if self.unique { "unique " } else { "" };
        match &self.predicate {
            Some(predicate) => format!("{unique}{} WHERE {predicate}", self.definition),
            None => format!("{unique}{}", self.definition),
        }
    }
}

/// The key of an index or a key that stands on a partitioned table alone.
pub(super) const ONLY: KeyDoc = KeyDoc {
    name: "only",
    doc: "Of a partitioned table: the table's alone (ON ONLY), so that partitions without a declared part have none.",
    shape: Shape::Boolean,
};

fn parse(relation: &ObjectId, id: &ObjectId, text: &str, node: &Node, cx: &DeclareContext<'_>) -> Result<Index> {
    // A text that is word for word what the live catalog says is known, and need not be parsed.
    if let Some(live) = cx.known(id).and_then(Index::of)
        && live.relation == *relation
        && live.fragment() == text
    {
        return Ok(Index {
            options: Options::new(),
            tablespace: None,
            statistics: Targets::new(),
            clustered: false,
            valid: true,
            only: false,
            ..live.clone()
        });
    }
    let parts = crate::sql::index(text).map_err(|e| cx.syntax(&e, node, "index definition"))?;
    Ok(Index {
        relation: relation.clone(),
        unique: parts.unique,
        definition: parts.definition,
        predicate: parts.predicate,
        options: parts.options,
        tablespace: parts.tablespace,
        statistics: Targets::new(),
        clustered: false,
        valid: true,
        only: false,
    })
}
