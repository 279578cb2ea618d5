//! Runs declared tests, each in a transaction that is rolled back.

use std::collections::BTreeSet;
use std::time::Instant;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident_list, literal};
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::{KindTag, Object};
use crate::postgres::{Session, sql_error};
use crate::verify::{Attempt, Expectation, Given, Mutant, Outcome, RowValues, Test, TestResult};

/// What the tests run against.
pub struct Bench<'a> {
    /// A session that may set roles and bypass row-level security.
    pub session: &'a Session,
    /// The schema.
    pub catalog: &'a Catalog,
    /// The search path.
    pub search_path: &'a [String],
}

/// What came of an attempt.
enum Came {
    Rows(u64, Vec<String>),
    Denied,
    Failed(String),
}

impl Bench<'_> {
    /// Runs all tests.
    ///
    /// # Errors
    /// A test that names what does not exist; a connection that is lost. Expectations that fail are results, not errors.
    pub async fn run(&self, tests: &[Test]) -> Result<Vec<TestResult>> {
        let roles = self.session.rows("select rolname from pg_catalog.pg_roles").await?;
        let roles: BTreeSet<String> = roles.into_iter().flatten().flatten().collect();
        for test in tests {
            self.known(test)?;
            if let Some(role) = test.role.as_ref().filter(|role| !roles.contains(*role)) {
                let message =
                    format!("test `{}` runs as the role {role}, which does not exist on the server", test.name);
                let mut problem = Diagnostic::error("unknown-role", message).at(test.location.clone());
                for near in crate::core::diagnostic::nearest(role, roles.iter().map(String::as_str)) {
                    problem = problem.help(format!("did you mean `{near}`?"));
                }
                return Err(problem);
            }
        }
        let mut results = Vec::new();
        for test in tests {
            results.push(self.one(test, None).await?);
        }
        Ok(results)
    }

    /// Drops and weakens each policy in turn, and says which tests notice: of those that pass as it is (`results`), since what
    /// fails anyway notices nothing.
    pub async fn mutate(&self, tests: &[Test], results: &[TestResult]) -> Result<Vec<Mutant>> {
        let passing: Vec<&Test> =
            tests.iter().zip(results).filter(|(_, result)| result.failures.is_empty()).map(|(test, _)| test).collect();
        let mut mutants = Vec::new();
        for (id, object) in self.catalog.iter() {
            let Object::Policy(policy) = object else { continue };
            let table = id.top_sql();
            let name = Ident(&id.name()).to_string();
            let mut changes = vec![(format!("{id} dropped"), format!("DROP POLICY {name} ON {table}"))];
            // Each half by itself: a test that notices the one need not notice the other.
            let halves =
                [policy.using.as_ref().map(|_| "USING (true)"), policy.check.as_ref().map(|_| "WITH CHECK (true)")];
            for weaker in halves.into_iter().flatten() {
                let sql = format!("ALTER POLICY {name} ON {table} {weaker}");
                changes.push((format!("{id} weakened to {weaker}"), sql));
            }
            for (what, sql) in changes {
                let mut noticed_by = Vec::new();
                for test in passing.iter().copied() {
                    if !self.one(test, Some(&sql)).await?.failures.is_empty() {
                        noticed_by.push(test.name.clone());
                    }
                }
                mutants.push(Mutant { what, noticed_by });
            }
        }
        Ok(mutants)
    }

    fn known(&self, test: &Test) -> Result<()> {
        let tables =
            test.given.iter().map(|given| (&given.table, &given.location)).chain(
                test.expectations.iter().filter_map(|e| e.attempt.names().map(|(table, _)| (table, &e.location))),
            );
        for (table, place) in tables {
            let exists = [KindTag::Table, KindTag::View, KindTag::MaterializedView].iter().any(|kind| {
                self.catalog.contains(&ObjectId::in_schema(*kind, &table.schema().unwrap_or_default(), &table.name()))
            });
            let platform = crate::declare::project::SUPABASE_SCHEMAS.contains(&&*table.schema().unwrap_or_default());
            if !exists && !platform {
                let names: Vec<String> = self
                    .catalog
                    .iter()
                    .filter(|(id, _)| id.kind() == KindTag::Table)
                    .map(|(id, _)| id.name().into_owned())
                    .collect();
                let mut problem = Diagnostic::error(
                    "unknown-table",
                    format!("test `{}` names table {}, which does not exist", test.name, table.sql_path()),
                )
                .at(place.clone());
                for near in crate::core::diagnostic::nearest(&table.name(), names.iter().map(String::as_str)) {
                    problem = problem.help(format!("did you mean `{near}`?"));
                }
                return Err(problem);
            }
        }
        Ok(())
    }

    async fn one(&self, test: &Test, mutation: Option<&str>) -> Result<TestResult> {
        let began = Instant::now();
        let path = crate::core::name::search_path(self.search_path);
        self.session.batch(&format!("BEGIN; SET LOCAL search_path = {path}; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'")).await?;
        let failures = self.inside(test, mutation).await;
        self.session.batch("ROLLBACK").await?;
        Ok(TestResult { name: test.name.clone(), failures: failures?, seconds: began.elapsed().as_secs_f64() })
    }

    async fn inside(&self, test: &Test, mutation: Option<&str>) -> Result<Vec<String>> {
        if let Some(sql) = mutation {
            self.session.batch(sql).await?;
        }
        for Given { table, rows, .. } in &test.given {
            for row in rows {
                if let Err(error) = self.session.client.batch_execute(&insert(table, row)).await {
                    let why = sql_error(error, None).message;
                    return Ok(vec![format!("the given row of {} cannot be inserted: {why}", table.sql_path())]);
                }
            }
        }
        let mut failures = Vec::new();
        for expectation in &test.expectations {
            if let Some(failure) = self.expect(test, expectation).await? {
                failures.push(format!("{}: {failure}", expectation.location.position()));
            }
        }
        Ok(failures)
    }

    async fn expect(&self, test: &Test, expectation: &Expectation) -> Result<Option<String>> {
        let sql = self.statement(&expectation.attempt);
        let came = self.attempt(test, &sql, true).await?;
        let said = match (&expectation.outcome, &came) {
            (_, Came::Failed(why)) => Some(format!("`{sql}` failed: {why}")),
            (Outcome::Denied, Came::Denied) => None,
            (Outcome::Denied, Came::Rows(n, _)) => {
                Some(format!("`{sql}` was to be denied and went through ({n} rows)"))
            }
            (_, Came::Denied) => Some(format!("`{sql}` was denied")),
            (Outcome::Succeeds, Came::Rows(..)) => None,
            (Outcome::Rows(wanted), Came::Rows(n, _)) => {
                (wanted != n).then(|| format!("`{sql}`: {n} rows instead of {wanted}"))
            }
            (Outcome::Sees(keys), Came::Rows(_, seen)) => {
                let (mut wanted, mut seen) = (keys.clone(), seen.clone());
                wanted.sort();
                seen.sort();
                (wanted != seen)
                    .then(|| format!("`{sql}`: sees [{}] instead of [{}]", seen.join(", "), wanted.join(", ")))
            }
        };
        if said.is_some() {
            return Ok(said);
        }
        // A denial proves something only where the same is possible for one who may.
        let nothing = matches!(expectation.outcome, Outcome::Denied)
            || (expectation.outcome == Outcome::Rows(0) && !matches!(expectation.attempt, Attempt::Select(..)));
        if nothing {
            return Ok(match self.attempt(test, &sql, false).await? {
                Came::Rows(0, _) => Some(format!("`{sql}` proves nothing: it touches no row for the owner either")),
                Came::Rows(..) => None,
                Came::Denied => Some(format!("`{sql}` proves nothing: it is denied to the owner, too")),
                Came::Failed(why) => Some(format!("`{sql}` proves nothing: it fails for the owner, too: {why}")),
            });
        }
        Ok(None)
    }

    /// Tries a statement as the test's role (or as the connecting one), and takes it back.
    async fn attempt(&self, test: &Test, sql: &str, in_role: bool) -> Result<Came> {
        self.session.batch("SAVEPOINT attempt").await?;
        if in_role {
            // Claims are always set: after a rollback an unset one is '' and no JSON.
            let mut enter = format!("SELECT set_config('request.jwt.claims', {}, true)", literal(&test.claims));
            let claims: serde_json::Value = serde_json::from_str(&test.claims).unwrap_or_default();
            for name in ["sub", "role", "email"] {
                let value = claims.get(name).and_then(|v| v.as_str()).unwrap_or_default();
                enter.push_str(&format!("; SELECT set_config('request.jwt.claim.{name}', {}, true)", literal(value)));
            }
            self.session.batch(&enter).await?;
            if let Some(role) = &test.role {
                self.session.batch(&format!("SET LOCAL ROLE {}", Ident(role))).await?;
            }
        }
        let came = match self.session.client.simple_query(sql).await {
            Ok(messages) => {
                let mut seen = Vec::new();
                let mut count = 0;
                for message in messages {
                    match message {
                        SimpleQueryMessage::Row(row) => seen.push(row.get(0).unwrap_or_default().to_owned()),
                        SimpleQueryMessage::CommandComplete(n) => count = n,
                        _ => {}
                    }
                }
                Came::Rows(count, seen)
            }
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Came::Denied,
            Err(error) => Came::Failed(sql_error(error, None).message),
        };
        self.session.batch("ROLLBACK TO SAVEPOINT attempt; RESET ROLE").await?;
        Ok(came)
    }

    fn statement(&self, attempt: &Attempt) -> String {
        match attempt {
            Attempt::Select(table, condition) => {
                format!("SELECT {} FROM {}{}", self.key(table), table.sql(), where_clause(condition))
            }
            Attempt::Insert(table, row) => insert(table, row),
            Attempt::Update(table, set, condition) => {
                let set: Vec<String> = set.iter().map(|(c, v)| format!("{} = {v}", Ident(c))).collect();
                format!("UPDATE {} SET {}{}", table.sql(), set.join(", "), where_clause(condition))
            }
            Attempt::Delete(table, condition) => format!("DELETE FROM {}{}", table.sql(), where_clause(condition)),
            Attempt::Sql(sql) => sql.clone(),
        }
    }

    /// The primary key as one text; the whole row where there is none.
    fn key(&self, table: &ObjectId) -> String {
        let primary = self
            .catalog
            .children(table, KindTag::Constraint)
            .filter_map(|(_, o)| Constraint::of(o))
            .find(|c| c.constraint_type == ConstraintType::PrimaryKey)
            .map(|c| c.columns.clone());
        match primary.as_deref() {
            Some([one]) => format!("{}::text", Ident(one)),
            Some(many) if !many.is_empty() => format!("ROW({})::text", ident_list(many)),
            _ => format!("{}::text", Ident(&table.name())),
        }
    }
}

fn insert(table: &ObjectId, row: &RowValues) -> String {
    if row.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", table.sql());
    }
    let columns = ident_list(row.iter().map(|(c, _)| c));
    let values: Vec<&str> = row.iter().map(|(_, v)| v.as_str()).collect();
    format!("INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({})", table.sql(), values.join(", "))
}

fn where_clause(condition: &RowValues) -> String {
    if condition.is_empty() {
        return String::new();
    }
    let terms: Vec<String> = condition
        .iter()
        .map(|(c, v)| if v == "NULL" { format!("{} IS NULL", Ident(c)) } else { format!("{} = {v}", Ident(c)) })
        .collect();
    format!(" WHERE {}", terms.join(" AND "))
}
