//! What would stop a plan, found out before its first step and said all at once; and how much it loses.

#![expect(clippy::vec_box, reason = "diagnostics are boxed wherever they are handed on")]

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;

use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal, search_path};
use crate::core::step::{Action, HazardKind, Phase, Step};
use crate::plan::Plan;
use crate::plan::needs::Needs;
use crate::postgres::Session;

/// As many rows are counted; beyond it they are estimated.
const COUNTED: u32 = 100_000;

/// Roles of managed services that let their users do some of what is a superuser's elsewhere.
const SERVICES: &str =
    "'supabase_admin', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'neon_superuser', 'alloydbsuperuser'";

/// Codes of what has to do with who is connected, and not with the plan: a plan is often made by a role that only reads, and run by
/// another one.
pub const OF_THE_ROLE: &[&str] =
    &["read-only", "not-owner", "no-privilege", "not-member", "needs-superuser", "no-create-privilege", "not-readable"];

/// Looks for what would stop a plan, and for how many rows it loses. `until` is the last phase that is to be run: what stands in
/// the way of later steps may be gone by then.
///
/// Errors among the result stop the plan sooner or later: `in-the-way`, `missing-role`, `extension-not-available`, `needs-superuser`,
/// `not-owner`, `no-privilege`, `not-member`, `no-create-privilege`, `not-readable`, `read-only`, `wrong-major`. Warnings and remarks
/// do not: `rows-lost`, and `needs-superuser` on managed services, which make exceptions. It changes nothing and locks nothing for long; what
/// cannot be found out is passed over.
///
/// # Errors
/// What the server says when it is asked who we are.
pub async fn preflight(session: &Session, plan: &Plan, until: Option<Phase>) -> Result<Vec<Box<Diagnostic>>> {
    let mut found = Vec::new();
    if plan.is_empty() {
        return Ok(found);
    }
    let us = Us::ask(session).await?;
    if plan.major != 0 && plan.major != session.server_major() {
        let (major, server) = (plan.major, session.server_major());
        found.push(
            Diagnostic::refused(
                "wrong-major",
                format!("the plan is for PostgreSQL {major}, the server is PostgreSQL {server}"),
            )
            .help("make the plan against this server"),
        );
    }
    if us.read_only {
        found.push(
            Diagnostic::error("read-only", "the session can only read")
                .note("the server is a standby, or default_transaction_read_only is on")
                .help("connect to the primary server"),
        );
    }
    let now = plan.steps().filter(|step| until.is_none_or(|until| step.phase <= until));
    found.extend(now.filter(|step| !step.hindered_by.is_empty()).map(hindered));
    let needs = Needs::of(plan);
    let place = |object: &ObjectId| plan.steps().find(|s| s.object == *object).and_then(|s| s.location.clone());
    roles(session, &needs, &place, &mut found).await;
    extensions(session, &needs, &us, &place, &mut found).await;
    relations(session, &needs, &place, &mut found).await;
    if !us.superuser {
        for object in &needs.superuser {
            found.push(us.needs_superuser(object));
        }
        owners(session, &needs, &us, &mut found).await;
        super::rights::missing(session, &needs, &us.role, &mut found).await;
        schemas(session, &needs, &us, &mut found).await;
        if let Some(object) = &needs.new_schema
            && !us.may_create
        {
            found.push(us.may_not_create(object));
        }
    }
    unreadable(session, plan, until, &mut found).await;
    losses(session, plan, &mut found).await;
    Ok(found)
}

/// What is to be filled by a query of its own that may not be read: that of a view whose owner lacks the privileges for it, say.
/// Asked only where the plan changes no privileges, and of what is there already.
async fn unreadable(session: &Session, plan: &Plan, until: Option<Phase>, found: &mut Vec<Box<Diagnostic>>) {
    if plan.steps().any(|step| step.hazards.iter().any(|hazard| hazard.kind == HazardKind::Access)) {
        return;
    }
    let now = plan.steps().filter(|step| until.is_none_or(|until| step.phase <= until));
    for step in now.filter(|step| step.action == Action::Create && step.object.kind().info().copies) {
        let sql = format!(
            "BEGIN READ ONLY; SET LOCAL search_path = {}; SET LOCAL lock_timeout = '1s'; SET LOCAL row_security = on; \
             EXPLAIN {}; COMMIT",
            search_path(&plan.search_path),
            step.sql
        );
        let Err(error) = session.client.batch_execute(&sql).await else { continue };
        let _ = session.batch("ROLLBACK").await;
        // What it reads may be made by the plan: the statement itself will say.
        let Some(refusal) = error.as_db_error().filter(|e| *e.code() == SqlState::INSUFFICIENT_PRIVILEGE) else {
            continue;
        };
        found.push(
            Diagnostic::error("not-readable", format!("{} cannot be filled: {}", step.object, refusal.message()))
                .note("what it reads is read with the privileges of whoever creates it and, by way of a view, with those of the view's owner")
                .help("grant that role SELECT, or declare `populated: false`"),
        );
    }
}

/// Why a step will be refused, where that is known beforehand.
pub fn hindered(step: &Step) -> Box<Diagnostic> {
    let verb = match step.action {
        Action::Create => "made",
        Action::Drop => "dropped",
        _ => "changed",
    };
    let reasons: Vec<&str> = step.hindered_by.iter().map(|hindrance| hindrance.why.as_str()).collect();
    let mut problem =
        Diagnostic::error("in-the-way", format!("{} cannot be {verb}: {}", step.object, reasons.join(", and ")))
            .note("PostgreSQL would refuse the statement");
    problem.location.clone_from(&step.location);
    for hindrance in &step.hindered_by {
        if !problem.help.contains(&hindrance.help) {
            problem = problem.help(hindrance.help.clone());
        }
    }
    problem
}

/// Who is connected.
struct Us {
    role: String,
    database: String,
    superuser: bool,
    may_create: bool,
    read_only: bool,
    managed: bool,
}

impl Us {
    async fn ask(session: &Session) -> Result<Self> {
        let rows = session
            .rows(&format!(
                "SELECT current_user, pg_catalog.current_database(), (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user), \
                 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), \
                 pg_catalog.current_setting('transaction_read_only') = 'on', \
                 EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN ({SERVICES}))"
            ))
            .await?;
        let row = rows.first();
        let field = |i: usize| row.and_then(|r| r.get(i)).cloned().flatten().unwrap_or_default();
        let yes = |i: usize| field(i) == "t";
        Ok(Self {
            role: field(0),
            database: field(1),
            superuser: yes(2),
            may_create: yes(3),
            read_only: yes(4),
            managed: yes(5),
        })
    }

    fn needs_superuser(&self, object: &ObjectId) -> Box<Diagnostic> {
        let text = format!("only a superuser may create {object}, and {} is none", self.role);
        if self.managed {
            Diagnostic::warning("needs-superuser", text)
                .note("managed services make exceptions; this server looks like one")
        } else {
            Diagnostic::error("needs-superuser", text).help("have a superuser create it first, or connect as one")
        }
    }

    fn may_not_create(&self, object: &ObjectId) -> Box<Diagnostic> {
        let (role, database) = (&self.role, &self.database);
        Diagnostic::error("no-create-privilege", format!("{role} may not create {object} in the database {database}"))
            .help(format!("as the database's owner: GRANT CREATE ON DATABASE {} TO {}", Ident(database), Ident(role)))
    }
}

fn literals<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|n| literal(n)).collect::<Vec<_>>().join(", ")
}

/// The first column of a query's rows; none where it fails.
async fn names(session: &Session, sql: &str) -> Option<Vec<String>> {
    let rows = session.rows(sql).await.ok()?;
    Some(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

async fn roles(session: &Session, needs: &Needs, place: &Places<'_>, found: &mut Vec<Box<Diagnostic>>) {
    if needs.roles.is_empty() {
        return;
    }
    let sql =
        format!("SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolname IN ({})", literals(needs.roles.keys()));
    let Some(present) = names(session, &sql).await else { return };
    for (role, object) in needs.roles.iter().filter(|(role, _)| !present.contains(role)) {
        let mut problem =
            Diagnostic::error("missing-role", format!("there is no role {}, which {object} names", Ident(role)))
                .help(format!("create it first (CREATE ROLE {}), or correct the name", Ident(role)));
        problem.location = place(object);
        found.push(problem);
    }
}

/// Tables that are not the project's to make, and that it declares something on.
async fn relations(session: &Session, needs: &Needs, place: &Places<'_>, found: &mut Vec<Box<Diagnostic>>) {
    if needs.relations.is_empty() {
        return;
    }
    let values: Vec<String> = needs.relations.keys().map(|name| format!("({})", literal(name))).collect();
    let sql = format!(
        "SELECT v.name FROM (VALUES {}) v(name) WHERE pg_catalog.to_regclass(v.name) IS NULL",
        values.join(", ")
    );
    for name in names(session, &sql).await.unwrap_or_default() {
        let Some(object) = needs.relations.get(&name) else { continue };
        let mut problem =
            Diagnostic::error("missing-table", format!("there is no table {name}, which {object} is declared on"))
                .note("it lies in a schema that the project does not manage, so it is not the project's to create")
                .help("create it first, leave out what is declared on it, or name its schema among the managed ones");
        problem.location = place(object);
        found.push(problem);
    }
}

/// Where an object of the plan is declared.
type Places<'a> = dyn Fn(&ObjectId) -> Option<Location> + Sync + 'a;

async fn extensions(session: &Session, needs: &Needs, us: &Us, place: &Places<'_>, found: &mut Vec<Box<Diagnostic>>) {
    if needs.extensions.is_empty() {
        return;
    }
    let sql = format!(
        "SELECT e.name, e.installed_version IS NOT NULL, pg_catalog.bool_or(v.superuser), pg_catalog.bool_or(v.trusted) \
         FROM pg_catalog.pg_available_extensions e JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name \
         WHERE e.name IN ({}) GROUP BY 1, 2",
        literals(needs.extensions.keys())
    );
    let Ok(rows) = session.rows(&sql).await else { return };
    let available: BTreeMap<String, Vec<bool>> = rows
        .into_iter()
        .filter_map(|row| {
            let flags = row.iter().skip(1).map(|f| f.as_deref() == Some("t")).collect();
            Some((row.into_iter().next()??, flags))
        })
        .collect();
    for (extension, object) in &needs.extensions {
        match available.get(extension).map(Vec::as_slice) {
            None => {
                let mut problem = Diagnostic::error(
                    "extension-not-available",
                    format!("the server does not have the extension {}", Ident(extension)),
                )
                .help("install its package on the server, or leave it out of the declaration");
                problem.location = place(object);
                found.push(problem);
            }
            Some([false, true, false]) if !us.superuser => found.push(us.needs_superuser(object)),
            Some([false, ..]) if !us.superuser && !us.may_create => found.push(us.may_not_create(object)),
            Some(_) => {}
        }
    }
}

/// Whether we own (by membership, as PostgreSQL has it) what is changed.
async fn owners(session: &Session, needs: &Needs, us: &Us, found: &mut Vec<Box<Diagnostic>>) {
    let owned: Vec<&ObjectId> = needs.owned.iter().collect();
    for part in owned.chunks(1000) {
        let values: Vec<String> = part
            .iter()
            .enumerate()
            .map(|(i, object)| {
                let name = literal(&object.sql());
                // Addresses of what is neither a schema nor in one, and of what PostgreSQL has no look-up function for, are
                // passed over: the statement itself will say.
                let owner = if object.schema().is_none() {
                    "NULL::oid".to_owned()
                } else if object.parent().is_none() {
                    format!("(SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = {})", literal(&object.name()))
                } else if object.kind().name_is_signature() {
                    format!("(SELECT p.proowner FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure({name}))")
                } else {
                    format!(
                        "coalesce((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass({name})), \
                         (SELECT t.typowner FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype({name})))"
                    )
                };
                format!("({i}, {owner})")
            })
            .collect();
        let sql = format!(
            "SELECT v.i, r.rolname FROM (VALUES {}) v(i, owner) JOIN pg_catalog.pg_roles r ON r.oid = v.owner \
             WHERE NOT pg_catalog.pg_has_role(v.owner, 'USAGE') ORDER BY 1",
            values.join(", ")
        );
        for row in session.rows(&sql).await.unwrap_or_default() {
            let [Some(i), Some(owner)] = row.as_slice() else { continue };
            let Some(object) = i.parse::<usize>().ok().and_then(|i| part.get(i)) else { continue };
            let role = &us.role;
            found.push(
                Diagnostic::error(
                    "not-owner",
                    format!("{object} belongs to {owner}, and {role} is no member of that role"),
                )
                .note("only its owner may change or drop it")
                .help(format!("connect as {owner}, or GRANT {} TO {}", Ident(owner), Ident(role))),
            );
        }
    }
}

async fn schemas(session: &Session, needs: &Needs, us: &Us, found: &mut Vec<Box<Diagnostic>>) {
    if needs.create_in.is_empty() {
        return;
    }
    let sql = format!(
        "SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname IN ({}) AND NOT pg_catalog.has_schema_privilege(n.oid, 'CREATE')",
        literals(needs.create_in.keys())
    );
    for schema in names(session, &sql).await.unwrap_or_default() {
        let Some(object) = needs.create_in.get(&schema) else { continue };
        let role = &us.role;
        found.push(
            Diagnostic::error(
                "no-create-privilege",
                format!("{role} may not create {object} in the schema {}", Ident(&schema)),
            )
            .help(format!(
                "as the schema's owner: GRANT CREATE ON SCHEMA {} TO {}",
                Ident(&schema),
                Ident(role)
            )),
        );
    }
}

/// How many rows or values the steps lose that need consent.
async fn losses(session: &Session, plan: &Plan, found: &mut Vec<Box<Diagnostic>>) {
    let mut asked = std::collections::BTreeSet::new();
    let loses = |step: &Step| step.hazards.iter().any(|hazard| hazard.kind == HazardKind::DataLoss);
    for (object, step) in plan.losses().filter(|(_, step)| loses(step)) {
        // What else goes by the step is named by its hazard, and holds no rows that could be counted.
        let itself = step.destroys.is_empty() || step.destroys.iter().any(|gone| object.is_within(gone));
        if !itself || !object.kind().info().holds_data || !asked.insert(object) {
            continue;
        }
        let table = object.top_sql();
        // A part written `table.part` holds values; anything else, whole rows.
        let (filter, what) = if object.kind().is_dotted() && *object != object.top() {
            (format!(" WHERE {} IS NOT NULL", Ident(&object.name())), "value")
        } else {
            (String::new(), "row")
        };
        let limit = COUNTED + 1;
        let rows = match &step.loses {
            Some(loses) => loses.violations.clone(),
            None => format!("SELECT FROM {table}{filter}"),
        };
        let sql = format!("SELECT pg_catalog.count(*) FROM ({rows} LIMIT {limit}) x");
        // As many rows as the table has are lost with it, and not by a type that some of them do not fit.
        let whole = step.loses.is_none().then_some(table.as_str());
        let Some(text) = counted(session, &sql, whole).await else { continue };
        let why = step.hazards.iter().find(|h| h.kind == HazardKind::DataLoss).map(|h| h.reason.clone());
        let diagnostic = if step.loses.is_some() && text == "0" {
            Diagnostic::info("rows-lost", format!("all values that {object} has now fit its new type"))
        } else if step.loses.is_some() {
            let which = if text == "1" { "value does" } else { "values do" };
            Diagnostic::warning("rows-lost", format!("{text} {which} not fit the new type of {object}"))
        } else if text == "0" {
            Diagnostic::info("rows-lost", format!("{object} holds no {what}s: nothing is lost"))
        } else if text == "1" {
            Diagnostic::warning("rows-lost", format!("1 {what} of {object} is lost"))
        } else {
            Diagnostic::warning("rows-lost", format!("{text} {what}s of {object} are lost"))
        };
        found.push(match why {
            Some(why) => diagnostic.note(why),
            None => diagnostic,
        });
    }
}

/// A count, exact as far as it does not take long; where it does, an estimate by the size of a table, if it is about all of its rows.
async fn counted(session: &Session, sql: &str, table: Option<&str>) -> Option<String> {
    // What row security hides is lost as well: rather no count than one that is too low.
    let limited = format!(
        "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'; SET LOCAL row_security = off; {sql}"
    );
    let exact = names(session, &format!("BEGIN READ ONLY; {limited}; COMMIT")).await.and_then(|n| n.into_iter().next());
    match exact.as_deref().map(str::parse::<u32>) {
        Some(Ok(count)) if count <= COUNTED => exact,
        counted => {
            if counted.is_none() {
                let _ = session.batch("ROLLBACK").await;
            }
            let Some(table) = table else {
                let unknown = "an unknown number of".to_owned();
                return Some(if counted.is_some() { format!("more than {COUNTED}") } else { unknown });
            };
            let sql = format!(
                "SELECT c.reltuples::bigint FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass({}) AND c.relkind IN ('r', 'p', 'm')",
                literal(table)
            );
            let estimate = names(session, &sql).await.and_then(|n| n.into_iter().next());
            match (estimate.and_then(|e| e.parse::<i64>().ok()), counted.is_some()) {
                (Some(estimate), _) if estimate > i64::from(COUNTED) => Some(format!("about {estimate}")),
                (_, true) => Some(format!("more than {COUNTED}")),
                (Some(_), false) => Some("an unknown number of".to_owned()),
                (None, false) => None,
            }
        }
    }
}
