//! Tables (`pg_class` of kind `r` and `p`; CREATE TABLE) and what belongs to them.
//!
//! A table holds rows; its columns, defaults, constraints, indexes and the like are objects of their own. CREATE TABLE
//! brings the columns with it, and those defaults and constraints that need nothing the table itself is needed for.

mod bound;
pub(crate) mod classes;
pub mod column;
pub(crate) mod column_settings;
mod column_steps;
mod column_type;
pub mod column_yaml;
pub mod constraint;
pub(crate) mod counter;
pub mod declare;
pub mod default;
pub mod index;
pub mod inheritance;
pub mod not_null;
pub(crate) mod not_null_names;
pub mod partition;
pub(crate) mod premise;
pub mod replica_identity;
pub(crate) mod row_type;
mod targets;
mod type_cast;
mod type_change;
pub(crate) mod typed;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, ident, literal};
use crate::core::options::Options;
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::ensure::labels;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;

use self::column::Column;
use self::constraint::Constraint;
use self::default::Default;
use self::inheritance::Inheritance;
use self::partition::Attachment;

attributes! {
    /// A table, partitioned or not.
    #[derive(Default)]
    pub struct Table {
        /// Whether it survives a crash: false for UNLOGGED.
        logged: bool => Alter(alter_logged),
        /// The table access method, where it is not heap.
        access_method: Option<String> => Alter(alter_access_method),
        /// The tablespace, where it is not the database's own.
        tablespace: Option<String> => Alter(alter_tablespace),
        /// The partition key, `RANGE (created_at)`, of a partitioned table.
        partition_key: Option<String> => Replace,
        /// The composite type of a typed table.
        of_type: Option<String> => Alter(alter_type),
        /// Storage parameters, those of the TOAST table as `toast.name`.
        options: Options => Alter(alter_options),
        /// Whether row-level security is on.
        rls: bool => Alter(alter_rls),
        /// Whether it applies to the owner, too.
        rls_forced: bool => Alter(alter_forced),
    }
}

/// Storage parameters as they stand in WITH and SET: `fillfactor='70'`.
pub(crate) fn options_sql(options: &Options) -> String {
    options.iter().map(|(k, v)| format!("{}={}", option_name(k), literal(v))).collect::<Vec<_>>().join(", ")
}

/// Whether a table is partitioned before or after a plan.
pub(crate) fn is_partitioned(table: &ObjectId, cx: &PlanContext<'_>) -> bool {
    [cx.from, cx.to].iter().any(|c| Table::get(c, table).is_some_and(|table| table.partition_key.is_some()))
}

fn option_name(name: &str) -> String {
    name.split('.').map(ident).collect::<Vec<_>>().join(".")
}

/// SET and RESET clauses that turn one set of options into another.
pub(crate) fn options_change(old: &Options, new: &Options) -> Vec<String> {
    let set: Options = new.iter().filter(|(k, v)| old.get(k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let reset: Vec<_> = old.keys().filter(|k| !new.contains_key(k)).map(|k| option_name(k)).collect();
    let mut clauses = Vec::new();
    if !set.is_empty() {
        clauses.push(format!("SET ({})", options_sql(&set)));
    }
    if !reset.is_empty() {
        clauses.push(format!("RESET ({})", reset.join(", ")));
    }
    clauses
}

fn alter(change: &Change<'_, Table>, clause: &str) -> Step {
    Step::alter(change.id, format!("ALTER TABLE {} {clause}", change.id.sql()))
        .lock(LockMode::AccessExclusive, change.id)
}

fn alter_logged(change: &Change<'_, Table>) -> Vec<Step> {
    let clause = if change.new.logged { "SET LOGGED" } else { "SET UNLOGGED" };
    let step = alter(change, clause)
        .phase(Phase::Contract)
        .hazard(HazardKind::Rewrite, "the table is rewritten while nobody can read it");
    let step = row_type::while_not_held(step, change.id, change.cx);
    let (neighbours, leaving) = neighbours_by_foreign_keys(change);
    let mut step = neighbours.iter().fold(step, Step::requires);
    step.after.extend(leaving);
    vec![if change.new.logged {
        step
    } else {
        let reason =
            format!("after a crash of the server {} is empty; standbys do not have its rows", change.id.sql_path());
        step.hazard(HazardKind::DataLoss, reason)
    }]
}

/// The tables at the other ends of the foreign keys that stay, which change before it, and the keys that do not stay: a table that
/// survives a crash refers to none that does not, so what it refers to becomes so before it, and ceases to be so after it.
fn neighbours_by_foreign_keys(change: &Change<'_, Table>) -> (Vec<ObjectId>, Vec<ObjectId>) {
    let (from, cx) = (change.cx.from, change.cx);
    let own = from.children(change.id, KindTag::Constraint).map(|(key, _)| key.clone());
    let own = own.filter(|key| Constraint::get(from, key).is_some_and(|key| key.references.is_some()));
    let (own, theirs) = (own.collect::<Vec<_>>(), partition::foreign_keys(std::slice::from_ref(change.id), from));
    let leaving = own.iter().chain(&theirs).filter(|key| cx.is_dropped(key)).cloned().collect();
    let ends = if change.new.logged {
        own.iter()
            .filter(|key| !cx.is_dropped(key))
            .filter_map(|key| Constraint::get(from, key)?.references.clone())
            .collect()
    } else {
        theirs.iter().filter(|key| !cx.is_dropped(key)).map(ObjectId::top).collect::<Vec<_>>()
    };
    (ends.into_iter().filter(|table| table != change.id).collect(), leaving)
}

/// Makes tables that are UNLOGGED, and are not declared so, survive a crash: those that others refer to before the others. What is to be
/// UNLOGGED is left as it is, and told: after a crash it would be empty.
pub(crate) fn make_logged(to: &Catalog) -> Option<String> {
    let tables: Vec<String> = to
        .iter()
        .filter(|(_, object)| matches!(object, Object::Table(table) if table.logged && table.partition_key.is_none()))
        .map(|(id, _)| id.sql())
        .collect();
    if tables.is_empty() {
        return None;
    }
    let body = format!(
        "\nDECLARE\n  d record;\nBEGIN\n  LOOP\n    \
         SELECT c.oid::regclass AS name, (SELECT format('its foreign key %I refers to %s, which is UNLOGGED', k.conname, r.oid::regclass)\n      \
         FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.confrelid\n      \
         WHERE k.conrelid = c.oid AND k.contype = 'f' AND r.oid <> c.oid AND r.relpersistence = 'u' ORDER BY k.conname LIMIT 1) AS why INTO d\n      \
         FROM pg_catalog.pg_class c WHERE c.oid = ANY (ARRAY(SELECT to_regclass(n) FROM unnest({}) n)) AND c.relkind = 'r' AND c.relpersistence = 'u'\n      \
         ORDER BY 2 NULLS FIRST, 1 LIMIT 1;\n    EXIT WHEN NOT FOUND;\n    IF d.why IS NOT NULL THEN\n      \
         RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is to be LOGGED: %s', d.name, d.why),\n        \
         HINT = {};\n    END IF;\n    EXECUTE format('ALTER TABLE %s SET LOGGED', d.name);\n  END LOOP;\nEND\n",
        labels(&tables),
        literal(
            "Nothing has been changed. PostgreSQL makes a table LOGGED only behind all that it refers to: drop the foreign key \
             (ALTER TABLE … DROP CONSTRAINT …), and run again."
        )
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// Whether a foreign key is between two tables that are declared UNLOGGED.
pub(crate) fn is_between_unlogged(id: &ObjectId, constraint: &Constraint, catalog: &Catalog) -> bool {
    let unlogged = |table: &ObjectId| Table::get(catalog, table).is_some_and(|table| !table.logged);
    constraint.references.as_ref().is_some_and(unlogged) && unlogged(&id.top())
}

/// Whether an object is a check or foreign key that a table has from one for which it is NOT VALID.
pub(crate) fn comes_unproved(id: &ObjectId, object: &Object, catalog: &Catalog) -> bool {
    let theirs = Constraint::of(object).and_then(|own| own.provider(id, catalog));
    theirs.and_then(|theirs| Constraint::get(catalog, &theirs)).is_some_and(|theirs| !theirs.validated)
}

fn alter_access_method(change: &Change<'_, Table>) -> Vec<Step> {
    let method = change.new.access_method.as_deref().unwrap_or("heap");
    let step = alter(change, &format!("SET ACCESS METHOD {}", Ident(method)))
        .hazard(HazardKind::Rewrite, "the table is rewritten while nobody can read it");
    vec![row_type::while_not_held(step, change.id, change.cx)]
}

fn alter_tablespace(change: &Change<'_, Table>) -> Vec<Step> {
    let space = change.new.tablespace.as_deref().unwrap_or("pg_default");
    vec![
        alter(change, &format!("SET TABLESPACE {}", Ident(space)))
            .hazard(HazardKind::Rewrite, "the table's files are copied while nobody can read it"),
    ]
}

fn alter_type(change: &Change<'_, Table>) -> Vec<Step> {
    typed::steps(change.id, change.cx)
}

fn alter_options(change: &Change<'_, Table>) -> Vec<Step> {
    options_change(&change.old.options, &change.new.options)
        .into_iter()
        .map(|clause| {
            let mut step = alter(change, &clause);
            step.lock = Some((LockMode::ShareUpdateExclusive, change.id.clone()));
            // Without a column that needs one there is no TOAST table, and its options are forgotten.
            if clause.contains("toast.") {
                step.requires.extend(new_types(change).cloned());
            }
            step
        })
        .collect()
}

/// The columns that are new, or of another type than before.
fn new_types<'a>(change: &'a Change<'_, Table>) -> impl Iterator<Item = &'a ObjectId> {
    change.cx.to.children(change.id, KindTag::Column).map(|(id, _)| id).filter(|id| {
        let type_of = |catalog| Column::get(catalog, id).map(|column| &column.type_name);
        type_of(change.cx.from) != type_of(change.cx.to)
    })
}

fn alter_rls(change: &Change<'_, Table>) -> Vec<Step> {
    vec![guard(change, change.new.rls, "ROW LEVEL SECURITY", ("ENABLE", "DISABLE"), "roles")]
}

fn alter_forced(change: &Change<'_, Table>) -> Vec<Step> {
    vec![guard(change, change.new.rls_forced, "ROW LEVEL SECURITY", ("FORCE", "NO FORCE"), "the owner")]
}

/// Switches row-level security. On before its policies exist, it would hide every row; on after new grants, or only when
/// constraints have been proved, it would show every row meanwhile. So it waits for the policies, and privileges wait for it.
fn guard(change: &Change<'_, Table>, on: bool, what: &str, words: (&str, &str), whose: &str) -> Step {
    let step = alter(change, &format!("{} {what}", if on { words.0 } else { words.1 }));
    let reason = format!("changes which rows {whose} may see or change");
    let step = match change.cx.guarded.is_some_and(|guarded| !on && !guarded.contains(change.id)) {
        true => {
            step.hazard_to_consent_to(HazardKind::Access, format!("{reason}, and the project does not say `rls` of it"))
        }
        false => step.hazard(HazardKind::Access, reason),
    };
    if !on {
        return step.rank(9);
    }
    change.cx.to.children(change.id, KindTag::Policy).fold(step.rank(1), |step, (policy, _)| step.requires(policy))
}

impl Table {
    /// The parents of the table by INHERITS, in order.
    fn inherits<'a>(id: &'a ObjectId, cx: &'a PlanContext<'_>) -> Vec<&'a Inheritance> {
        let mut parents: Vec<_> =
            cx.to.children(id, KindTag::Inheritance).filter_map(|(_, o)| Inheritance::of(o)).collect();
        parents.sort_by_key(|p| p.position);
        parents
    }

    /// Whether a new table has to be made by itself and become its parents' child afterwards: INHERITS would put the parents'
    /// columns first, where the table has all of them as its own, in another order.
    fn inherits_afterwards(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        let columns = Self::columns(id, cx.to);
        let mut first: Vec<String> = Vec::new();
        for parent in Self::inherits(id, cx) {
            for name in column_names(&parent.parent, cx.to) {
                if !first.contains(&name) {
                    first.push(name);
                }
            }
        }
        let own_constraints =
            cx.to.children(id, KindTag::Constraint).filter_map(|(_, o)| Constraint::of(o)).all(|c| !c.inherited);
        own_constraints
            && columns.iter().all(|(_, column)| !column.inherited)
            && first.iter().all(|name| columns.iter().any(|(column, _)| column.name() == name.as_str()))
            && !columns.iter().map(|(column, _)| column.name()).take(first.len()).eq(first.iter().map(String::as_str))
    }

    /// Whether a column of a new child table has the expression of its parent's column, which then must not be said (up to 15).
    fn generated_by_parent(id: &ObjectId, column: &ObjectId, own: &Column, cx: &PlanContext<'_>) -> bool {
        own.generated.is_some()
            && Self::inherits(id, cx).iter().any(|parent| {
                Column::get(cx.to, &parent.parent.child(KindTag::Column, &column.name()))
                    .is_some_and(|theirs| theirs.generated == own.generated)
            })
    }

    /// The columns of the table in `to`, in their order.
    pub(crate) fn columns<'a>(id: &'a ObjectId, catalog: &'a Catalog) -> Vec<(&'a ObjectId, &'a Column)> {
        let mut columns: Vec<_> =
            catalog.children(id, KindTag::Column).filter_map(|(id, o)| Column::of(o).map(|c| (id, c))).collect();
        columns.sort_by_key(|(_, c)| c.position);
        columns
    }

    /// Whether a new partition can be written as `CREATE TABLE … PARTITION OF`: its columns are its parent's, in the same
    /// order and of the same properties, and nobody can be waiting for a lock on the parent.
    fn as_partition_of<'a>(id: &'a ObjectId, cx: &'a PlanContext<'_>) -> Option<(ObjectId, &'a Attachment)> {
        let (attachment_id, object) = cx.to.children(id, KindTag::Attachment).next()?;
        let attachment = Attachment::of(object)?;
        let own = Self::columns(id, cx.to);
        let parents = Self::columns(&attachment.parent, cx.to);
        let same = own.len() == parents.len()
            && own.iter().zip(&parents).all(|((a_id, a), (b_id, b))| {
                a_id.name() == b_id.name()
                    && a.inherited
                    && a.is_handed_down(a_id, b, b_id, cx.major)
                    && Default::get(cx.to, &a_id.child(KindTag::Default, ""))
                        == Default::get(cx.to, &b_id.child(KindTag::Default, ""))
            });
        (own.is_empty() || (same && cx.is_new(&attachment.parent))).then(|| (attachment_id.clone(), attachment))
    }
}

/// The names of a table's columns, in their order.
pub fn column_names(id: &ObjectId, catalog: &Catalog) -> Vec<String> {
    Table::columns(id, catalog).into_iter().map(|(id, _)| id.name().into_owned()).collect()
}

/// The names of the columns that an INSERT may give values for.
pub fn insertable_columns(id: &ObjectId, catalog: &Catalog) -> Vec<String> {
    if Table::get(catalog, id).is_none_or(|t| t.partition_key.is_some()) {
        return Vec::new();
    }
    Table::columns(id, catalog)
        .into_iter()
        .filter(|(_, c)| c.generated.is_none())
        .map(|(id, _)| id.name().into_owned())
        .collect()
}

impl Kind for Table {
    const INFO: KindInfo =
        KindInfo { holds_data: true, namespaces: &["relation", "type"], ..KindInfo::new("table", "table") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.sql())
    }

    fn rebuilds(&self, id: &ObjectId, old: Option<&Self>, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        match old.is_some_and(|old| old.logged != self.logged || old.access_method != self.access_method) {
            true => row_type::in_the_way(id, cx),
            false => Vec::new(),
        }
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut creates = Vec::new();
        let mut after = Vec::new();
        let mut requires = Vec::new();
        let mut lines = Vec::new();
        let partition_of = Self::as_partition_of(id, cx);
        let afterwards = Self::inherits_afterwards(id, cx);
        for (column_id, column) in Self::columns(id, cx.to) {
            creates.push(column_id.clone());
            let inherited = partition_of.is_some()
                || (column.inherited && cx.to.children(id, KindTag::Inheritance).next().is_some());
            let default = column_id.child(KindTag::Default, "");
            let folded = cx.folded.contains(&default);
            if folded {
                creates.push(default.clone());
            }
            if inherited && self.of_type.is_none() {
                continue;
            }
            let default = folded.then(|| Default::get(cx.to, &default)).flatten();
            if self.of_type.is_some() {
                if let Some(options) = column.typed_options(default) {
                    lines.push(format!("{} WITH OPTIONS{options}", Ident(&column_id.name())));
                }
            } else if !afterwards && Self::generated_by_parent(id, column_id, column, cx) {
                lines.push(Column { generated: None, ..column.clone() }.definition(column_id, default));
            } else {
                lines.push(column.definition(column_id, default));
            }
        }
        for (constraint_id, object) in cx.to.children(id, KindTag::Constraint) {
            if !cx.folded.contains(constraint_id) {
                continue;
            }
            creates.push(constraint_id.clone());
            if let Some(constraint) = Constraint::of(object)
                && !(constraint.inherited && (partition_of.is_some() || !Self::inherits(id, cx).is_empty()))
            {
                lines.push(format!("CONSTRAINT {} {}", Ident(&constraint_id.name()), constraint.clause(true)));
            }
        }
        if partition_of.is_none() {
            // What is attached afterwards must have the checks of the partitioned table.
            for (own, theirs, check) in partition::checks_wanted(id, cx) {
                if creates.contains(&own) {
                    continue;
                }
                lines.push(format!("CONSTRAINT {} {}", Ident(&own.name()), check.clause(true)));
                let needed = cx.to.dependencies(&theirs).filter(|(d, _)| cx.is_new(d) && d.top() != theirs.top());
                requires.extend(needed.map(|(d, _)| d.clone()));
                creates.extend(cx.to.contains(&own).then_some(own));
            }
        }
        let mut sql = if self.logged { "CREATE TABLE ".to_owned() } else { "CREATE UNLOGGED TABLE ".to_owned() };
        sql.push_str(&id.sql());
        let body = if lines.is_empty() { String::new() } else { format!(" (\n  {}\n)", lines.join(",\n  ")) };
        if let Some((attachment_id, attachment)) = &partition_of {
            sql.push_str(&format!(" PARTITION OF {}{body} {}", attachment.parent.sql(), attachment.bound));
            creates.push(attachment_id.clone());
            requires.push(attachment.parent.clone());
            requires.extend(partition::gets_identity_by(&attachment.parent, cx));
        } else if let Some(of) = &self.of_type {
            sql.push_str(&format!(" OF {of}{body}"));
        } else {
            sql.push_str(if body.is_empty() { " ()" } else { &body });
            let parents = Self::inherits(id, cx);
            if !parents.is_empty() && !afterwards {
                sql.push_str(&format!(
                    " INHERITS ({})",
                    parents.iter().map(|p| p.parent.sql()).collect::<Vec<_>>().join(", ")
                ));
                for (inheritance_id, object) in cx.to.children(id, KindTag::Inheritance) {
                    creates.push(inheritance_id.clone());
                    let Some(inheritance) = Inheritance::of(object) else { continue };
                    requires.push(inheritance.parent.clone());
                    // The types of the parent's columns must be what they are to be.
                    requires
                        .extend(Self::columns(&inheritance.parent, cx.to).iter().map(|(column, _)| (*column).clone()));
                }
            }
        }
        if let Some(key) = &self.partition_key {
            sql.push_str(&format!(" PARTITION BY {key}"));
        }
        if let Some(method) = &self.access_method {
            sql.push_str(&format!(" USING {}", Ident(method)));
        }
        if !self.options.is_empty() {
            sql.push_str(&format!(" WITH ({})", options_sql(&self.options)));
        }
        if let Some(space) = &self.tablespace {
            sql.push_str(&format!(" TABLESPACE {}", Ident(space)));
        }
        // A sequence of the name that an identity column takes must be out of the way.
        for (column_id, column) in Self::columns(id, cx.to) {
            after.extend(column.identity_sequence(column_id).filter(|s| cx.is_dropped(s)));
        }
        let mut step = Step::create(id, sql);
        step.creates.extend(creates);
        step.requires = requires;
        step.after = after;
        let mut steps = vec![step];
        if self.rls {
            steps.push(Step::alter(id, format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", id.sql())).rank(1));
        }
        if self.rls_forced {
            steps.push(Step::alter(id, format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", id.sql())).rank(1));
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::drop(id, format!("DROP TABLE {}", id.sql()))
            .lock(LockMode::AccessExclusive, id)
            .phase(Phase::Contract);
        // A view that became a table of the same name, and a partitioned table, hold no rows of their own.
        let empty = self.partition_key.is_some() && cx.from.children(id, KindTag::Column).next().is_none();
        let step = if empty {
            step
        } else {
            step.hazard(HazardKind::DataLoss, format!("all rows of {} are lost", id.sql_path()))
        };
        let mut step = step;
        step.after.extend(partition::copies_to(id, cx));
        let mut steps = partition::drop(id, step, cx);
        // A key by which its partitions refer to each other goes before they are detached, or dropped.
        if self.partition_key.is_some() {
            let own = cx.from.children(id, KindTag::Constraint).filter_map(|(key, o)| Some((key, Constraint::of(o)?)));
            for (key, _) in own.filter(|(key, constraint)| constraint.refers_to_itself(key)) {
                let mut first = Step::drop(id, Constraint::drop_sql(key)).lock(LockMode::AccessExclusive, id);
                first.destroys = vec![key.clone()];
                steps.iter_mut().for_each(|step| step.rank += 1);
                steps.insert(0, first);
            }
        }
        steps
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        if let Some(key) = &self.partition_key
            && let Some((_, columns)) = key.split_once('(')
        {
            out.add(Mention::Statement(format!("SELECT ({columns}")));
        }
        if let Some(of) = &self.of_type {
            out.add(Mention::Type(of.clone()));
        }
    }
}

impl Introspect for Table {
    const QUERY: &'static str = include_str!("table.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::Table, "pg_class")? else { return Ok(()) };
        let persistence = row.char("persistence")?;
        if persistence == 't' {
            return Ok(());
        }
        let table = Self {
            logged: persistence != 'u',
            access_method: row.opt_string("access_method")?,
            tablespace: row.opt_string("tablespace")?,
            partition_key: row.opt_string("partition_key")?,
            of_type: row.opt_string("of_type")?,
            options: {
                let mut options = row.options("options")?;
                options.extend(row.options("toast_options")?.into_iter().map(|(k, v)| (format!("toast.{k}"), v)));
                options
            },
            rls: row.bool("rls")?,
            rls_forced: row.bool("forced")?,
        };
        let handle = out.add(id.clone(), table, "pg_class", oid, 0);
        out.alias(handle, "pg_type", row.number("row_type")?, 0);
        if let Some(array) = row.opt_number("array_type")? {
            out.alias(handle, "pg_type", array, 0);
        }
        crate::kinds::component::read_row_type_access(row, &id, out)?;
        out.access(row, &id, 'r')
    }
}

/// The referenced columns in the text of a foreign key, as far as they are plainly written.
pub fn column_names_of(definition: &str) -> Vec<String> {
    crate::sql::table_constraint(definition)
        .ok()
        .and_then(|parts| parts.references)
        .map(|(_, _, columns)| columns)
        .unwrap_or_default()
}
