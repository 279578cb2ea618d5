//! The steps of remedies, backfills and retirements.

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, ident, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::data::evaluate::{Pending, shown};
use crate::data::{Backfill, Batch, Data, Invariant, batch};
use crate::kinds::KindTag;
use crate::kinds::ensure::{COLUMNS_FIRST, found_rows};
use crate::kinds::table::column::Column;
use crate::sql::References;

impl Backfill {
    /// The condition of the rows that wait for a value.
    pub(crate) fn waiting(&self) -> String {
        let column = format!("{}.{}", Ident(&self.column.top().name()), Ident(&self.column.name()));
        let condition = self.condition.as_ref().map(|c| format!(" AND ({c})")).unwrap_or_default();
        // A row that would get NULL is left alone: it would be written for nothing, and again at every run.
        format!("{column} IS NULL{condition} AND ({}) IS NOT NULL", self.set)
    }

    /// The statement that gives the values.
    pub(crate) fn statement(&self) -> String {
        let from = self.from.as_ref().map(|f| format!(" FROM {f}")).unwrap_or_default();
        format!(
            "UPDATE {} SET {} = {}{from} WHERE {}",
            self.column.top().sql(),
            Ident(&self.column.name()),
            self.set,
            self.waiting()
        )
    }
}

/// A step that fails, naming rows, unless a query returns none.
fn check(name: String, object: &ObjectId, query: &str, message: &str, hint: &str) -> Step {
    let body = format!(
        "{COLUMNS_FIRST}DECLARE\n  found text[];\nBEGIN\n  found := ARRAY({});\n  IF found <> '{{}}' THEN\n    \
         RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = {}, DETAIL = {}, HINT = {};\n  END IF;\nEND\n",
        shown(query),
        literal(message),
        found_rows(),
        literal(hint)
    );
    let mut step = Step::data(object, format!("DO {}", dollar_quoted(&body))).transaction(Transaction::Own);
    step.check = Some(name);
    step
}

/// What the steps are made for.
pub struct Wanted<'a> {
    /// What the project declares.
    pub data: &'a Data,
    /// What is to be done.
    pub pending: &'a Pending,
    /// The state that is.
    pub from: &'a Catalog,
    /// The state that should be.
    pub to: &'a Catalog,
    /// The search path.
    pub search_path: &'a [String],
}

/// The data steps of a plan. They are ordered among the others by what they require and precede.
///
/// # Errors
/// Names that mean nothing, keys that are none.
pub fn steps(wanted: &Wanted<'_>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut left: Vec<&Invariant> = Vec::new();
    for (invariant, pending) in wanted.data.invariants.iter().zip(&wanted.pending.invariants) {
        if *pending {
            invariant_steps(invariant, wanted, &mut steps)?;
        } else {
            left.push(invariant);
        }
    }
    // What holds now may not hold any more when rows are written that it reads.
    let mut written = relations_written(&steps);
    while let Some(i) = left.iter().position(|invariant| reads(&invariant.violations, &written, wanted)) {
        let first = steps.len();
        invariant_steps(left.remove(i), wanted, &mut steps)?;
        written.extend(relations_written(&steps[first..]));
    }
    for (backfill, pending) in wanted.data.backfills.iter().zip(&wanted.pending.backfills) {
        let from = backfill.from.as_ref().map(|from| format!("SELECT FROM {from}"));
        let pending = *pending || from.is_some_and(|from| reads(&from, &written, wanted));
        backfill_steps(backfill, pending, wanted, &mut steps)?;
    }
    retirement_checks(wanted, &mut steps)?;
    Ok(steps)
}

fn relations_written(steps: &[Step]) -> BTreeSet<ObjectId> {
    steps.iter().filter_map(|step| step.writes.clone()).collect()
}

/// Whether a query reads any of these relations.
fn reads(query: &str, relations: &BTreeSet<ObjectId>, wanted: &Wanted<'_>) -> bool {
    let names = crate::sql::references_of_query(query).unwrap_or_default();
    let mut found = names.relations.iter().filter_map(|r| relation(r.schema.as_deref(), &r.name, wanted));
    found.any(|id| relations.contains(&id))
}

fn backfill_steps(backfill: &Backfill, pending: bool, wanted: &Wanted<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let column = &backfill.column;
    let table = column.top();
    // A table that is new has no rows.
    if !wanted.from.contains(&table) || !wanted.to.contains(column) {
        return Ok(());
    }
    let sql = backfill.statement();
    let group = format!("backfill of {}", column.sql_path());
    let mut step = Step::data(column, sql.clone()).lock(LockMode::RowExclusive, &table).at(&backfill.location).rank(3);
    if let Some(rows) = backfill.rows {
        let key = batch::key_of(&table, &backfill.by, key_catalog(&table, wanted), &backfill.location)?;
        step = batched(step, batch::cut(&sql, &table, key, rows, &backfill.location)?);
    } else {
        step = step.transaction(Transaction::Own);
    }
    let mut names = crate::sql::references_of_statement(&sql).unwrap_or_default();
    needs(&mut step, &mut names, wanted);
    step.group = Some(group.clone());
    step.writes = Some(table.clone());
    if pending {
        steps.push(step);
    }
    let must = Column::get(wanted.to, column).is_some_and(|c| c.not_null.is_some());
    let is = Column::get(wanted.from, column).is_some_and(|c| c.not_null.is_some());
    if must && !is {
        let query = format!("SELECT t.* FROM {} t WHERE t.{} IS NULL", table.sql(), Ident(&column.name()));
        let message = format!("the backfill of {} leaves rows without a value", column.sql_path());
        let hint =
            "Give them a value, or make the backfill do so, and run again; the steps that need it have not been run.";
        let name = format!("every row of {} has a value in {}", table.sql_path(), ident(&column.name()));
        let mut step = check(name, column, &query, &message, hint).at(&backfill.location).rank(4);
        step.uses_unconstrained.push(table);
        step.group = Some(group);
        steps.push(step);
    }
    Ok(())
}

/// The state whose keys the rows can be walked by at the time: that of now, unless the table is only to be.
fn key_catalog<'a>(table: &ObjectId, wanted: &Wanted<'a>) -> &'a Catalog {
    if wanted.from.contains(table) { wanted.from } else { wanted.to }
}

fn batched(mut step: Step, batch: Batch) -> Step {
    step.batch = Some(batch);
    step.transaction(Transaction::None)
}

fn invariant_steps(invariant: &Invariant, wanted: &Wanted<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let mut violations = crate::sql::references_of_query(&invariant.violations).unwrap_or_default();
    let object = subject(&violations, wanted);
    let mut precedes = Vec::new();
    for target in &invariant.before {
        let found = target.candidates.iter().find(|id| wanted.to.contains(id) || wanted.from.contains(id));
        let Some(found) = found else { return Err(nothing(&target.location, "`before`", &target.candidates)) };
        precedes.push(found.clone());
    }
    let first = steps.len();
    for (n, remedy) in invariant.remedy.iter().enumerate() {
        let mut step = Step::data(&object, remedy.sql.clone()).at(&remedy.location).rank(6);
        if let Some(by) = &remedy.batch {
            if !wanted.to.contains(&by.table) && !wanted.from.contains(&by.table) {
                return Err(nothing(&by.location, "`batch`", std::slice::from_ref(&by.table)));
            }
            let key = batch::key_of(&by.table, &by.by, key_catalog(&by.table, wanted), &by.location)?;
            step = batched(step, batch::cut(&remedy.sql, &by.table, key, by.rows, &remedy.location)?);
            step = step.lock(LockMode::RowExclusive, &by.table);
        } else {
            step = step.transaction(Transaction::Own);
        }
        let mut names = crate::sql::references_of_statement(&remedy.sql).unwrap_or_default();
        needs(&mut step, &mut names, wanted);
        step.writes = batch::target(&remedy.sql).and_then(|(schema, name)| relation(schema.as_deref(), &name, wanted));
        step.precedes.clone_from(&precedes);
        step.label = Some(format!("{} ({} of {})", invariant.name, n + 1, invariant.remedy.len()));
        steps.push(step);
    }
    let message = format!("the invariant \"{}\" does not hold", invariant.name);
    let hint = if invariant.remedy.is_empty() {
        "Mend the rows, and run again; the steps that need it have not been run."
    } else {
        "Its remedy leaves these rows. Mend them or the remedy, and run again; the steps that need it have not been run."
    };
    let mut last =
        check(invariant.name.clone(), &object, &invariant.violations, &message, hint).at(&invariant.location).rank(7);
    needs(&mut last, &mut violations, wanted);
    last.precedes = precedes;
    steps.push(last);
    // In the order in which they are declared.
    for step in &mut steps[first..] {
        step.group = Some(format!("invariant {}", invariant.name));
    }
    Ok(())
}

fn nothing(place: &Location, key: &str, candidates: &[ObjectId]) -> Box<Diagnostic> {
    let names: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    Diagnostic::error("unknown-name", format!("{key} names nothing that there is"))
        .at(place.clone())
        .note(format!("there is no {}", names.join(", and no ")))
}

/// The object that a data step is filed under: the first table it reads that is known.
fn subject(names: &References, wanted: &Wanted<'_>) -> ObjectId {
    names
        .relations
        .iter()
        .find_map(|r| relation(r.schema.as_deref(), &r.name, wanted))
        .unwrap_or_else(|| ObjectId::root(KindTag::Schema, "public"))
}

fn relation(schema: Option<&str>, name: &str, wanted: &Wanted<'_>) -> Option<ObjectId> {
    let schemas: Vec<&str> = match schema {
        Some(schema) => vec![schema],
        None => wanted.search_path.iter().map(String::as_str).collect(),
    };
    schemas
        .into_iter()
        .flat_map(|s| {
            [KindTag::Table, KindTag::View, KindTag::MaterializedView].map(|k| ObjectId::in_schema(k, s, name))
        })
        .find(|id| wanted.to.contains(id) || wanted.from.contains(id))
}

/// What a statement reads and writes must be there, with its columns as they should be, and must not be gone yet.
fn needs(step: &mut Step, names: &mut References, wanted: &Wanted<'_>) {
    for name in names.relations.drain(..) {
        let Some(id) = relation(name.schema.as_deref(), &name.name, wanted) else { continue };
        if wanted.to.contains(&id) {
            step.requires.push(id.clone());
            let columns = wanted.to.children(&id, KindTag::Column).map(|(c, _)| c.clone());
            step.requires.extend(columns.filter(|c| !wanted.from.contains(c)));
        }
        // Of what is on its way out, rows are read before it goes.
        let gone = wanted.from.children(&id, KindTag::Column).map(|(c, _)| c.clone()).chain([id.clone()]);
        step.uses.extend(gone.filter(|c| !wanted.to.contains(c)));
        step.uses_unconstrained.push(id);
    }
}

/// What must hold before something is retired is checked right before.
fn retirement_checks(wanted: &Wanted<'_>, steps: &mut Vec<Step>) -> Result<()> {
    if let Some(problem) = wanted.data.unknown_requirements().next() {
        return Err(problem);
    }
    for retired in wanted.data.retired_columns.iter().chain(&wanted.data.retired_tables) {
        let required = retired.requires.iter();
        let required = required.filter_map(|(name, _)| wanted.data.invariants.iter().find(|i| i.name == *name));
        if wanted.to.contains(&retired.id) {
            return Err(Diagnostic::error("retired-and-declared", format!("{} is retired and declared", retired.id))
                .at(retired.location.clone())
                .help("take it out of `tables`: what is retired stays in the database until the contract phase"));
        }
        if !wanted.from.contains(&retired.id) {
            continue;
        }
        for invariant in required {
            let message = format!("{} cannot go yet: \"{}\" does not hold", retired.id, invariant.name);
            let name = format!("{}, before {} goes", invariant.name, retired.id.sql_path());
            let mut step = check(name, &retired.id, &invariant.violations, &message, "Mend the rows, and run again.")
                .at(&retired.location)
                .phase(Phase::Contract);
            step.precedes.push(retired.id.clone());
            let mut names = crate::sql::references_of_query(&invariant.violations).unwrap_or_default();
            needs(&mut step, &mut names, wanted);
            steps.push(step.rank(8));
        }
    }
    Ok(())
}

/// The steps that move a retired table into the archive instead of dropping it.
pub fn archive(id: &ObjectId, schema: &str, date: &str) -> Vec<Step> {
    let name = format!("{}_{date}", id.name());
    let moved = ObjectId::in_schema(KindTag::Table, schema, &id.name());
    let mut first = Step::drop(id, format!("ALTER TABLE {} SET SCHEMA {}", id.sql(), Ident(schema)))
        .lock(LockMode::AccessExclusive, id)
        .hazard(HazardKind::Breaking, "code that uses the table fails; its rows are kept in the archive");
    first.requires.push(ObjectId::root(KindTag::Schema, schema));
    let mut second = Step::drop(id, format!("ALTER TABLE {} RENAME TO {}", moved.sql(), Ident(&name)));
    second.destroys.clear();
    second.done_when = Some(format!("SELECT to_regclass({}) IS NULL", literal(&moved.sql())));
    second.rank = 1;
    vec![first, second]
}
