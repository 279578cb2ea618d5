//! Has PostgreSQL say what a declared state means: it is built in a scratch database and read back.

use std::collections::BTreeSet;

use tokio_postgres::error::SqlState;

use crate::core::catalog::{Catalog, CatalogBuilder};
use crate::core::diagnostic::{Diagnostic, Result, Severity};
use crate::core::id::ObjectId;
use crate::core::name::{ident, literal};
use crate::core::step::Step;
use crate::declare::{build, refused};
use crate::introspect::introspect;
use crate::kinds::KindTag;
use crate::plan::needs::roles_named;
use crate::plan::{PlanOptions, plan};
use crate::postgres::{Ephemeral, Session, sql_error};

/// What PostgreSQL made of a declared state.
#[derive(Debug)]
pub struct Elaborated {
    /// The state as PostgreSQL reports it.
    pub catalog: Catalog,
    /// Warnings for routines whose bodies their languages' validators do not accept, each at its routine's place.
    pub notes: Vec<(ObjectId, Box<Diagnostic>)>,
}

/// Builds a declared state in a scratch database and reads it back. Declared places are carried over.
///
/// `context` are objects that the state refers to but does not declare (another schema, an unmanaged table); they are built
/// along and left out of the result by whoever filters it.
pub async fn elaborate(declared: &Catalog, ephemeral: &Ephemeral, search_path: &[String]) -> Result<Elaborated> {
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut made = Vec::new();
    let result = in_database(declared, &session, ephemeral, search_path, &mut made).await;
    drop(session);
    let dropped = scratch.drop().await;
    ephemeral.forget_roles(&made).await;
    let elaborated = result?;
    dropped?;
    Ok(elaborated)
}

/// As [`elaborate`], in a database that is there already. `made` are the roles that had to be made, to which policies apply.
pub async fn in_database(
    declared: &Catalog,
    session: &Session,
    ephemeral: &Ephemeral,
    search_path: &[String],
    made: &mut Vec<String>,
) -> Result<Elaborated> {
    let base = introspect(session, search_path).await?;
    let target = over(&base, declared)?;
    let options = PlanOptions::new(session.server_major(), false, search_path);
    let plan = plan(&base, &target, &options)?;
    let steps: Vec<&Step> = plan.steps().collect();
    make_roles(session, roles_named(&steps), made).await?;
    if let Err(error) = build::build(session, &steps, search_path).await {
        let Some(step) = steps.get(error.index) else { return Err(error.diagnostic) };
        return Err(explain(error.diagnostic, step, declared, session, ephemeral).await);
    }
    let notes = validate_bodies(session, declared, search_path).await?;
    let read = introspect(session, search_path).await?;
    of_an_extension(declared, &read)?;
    Ok(Elaborated { catalog: carry_places(read, declared)?, notes })
}

/// Refuses what is declared in a schema that an extension brings along: that schema is no object of its own, so nothing in it is compared,
/// and it would be said to hold.
fn of_an_extension(declared: &Catalog, read: &Catalog) -> Result<()> {
    let is_lost =
        |id: &ObjectId| id.schema().is_some_and(|schema| !read.contains(&ObjectId::root(KindTag::Schema, &schema)));
    let lost = declared.iter().map(|(id, _)| id).find(|id| is_lost(id) && declared.location(id).is_some());
    let Some(id) = lost else { return Ok(()) };
    let schema = ident(&id.schema().unwrap_or_default());
    let problem = Diagnostic::error(
        "extension-schema",
        format!("{id} cannot be declared: the schema {schema} belongs to an extension"),
    )
    .note("what lies in the schema of an extension is neither compared nor changed, for it is the extension's")
    .help("declare it in a schema of your own");
    Err(match declared.location(id) {
        Some(place) => problem.at(place.clone()),
        None => problem,
    })
}

/// Makes those of the named roles that the scratch server lacks: they cannot log in, and own nothing. Whether a role exists on
/// the live server is asked there, before anything is changed.
pub(crate) async fn make_roles(session: &Session, named: BTreeSet<String>, made: &mut Vec<String>) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let there = session.rows("select rolname from pg_catalog.pg_roles").await?;
    let there: BTreeSet<String> = there.into_iter().flatten().flatten().collect();
    for role in named.into_iter().filter(|role| !there.contains(role)) {
        match session.client.batch_execute(&format!("CREATE ROLE {} NOLOGIN", ident(&role))).await {
            Ok(()) => made.push(role),
            // Another run was faster.
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_OBJECT) => {}
            Err(error) => {
                return Err(sql_error(error, None)
                    .note(format!(
                        "the role {role} is named by what is declared, and the scratch server has no such role"
                    ))
                    .help("let trueup create roles there (CREATEROLE), create it, or use another scratch server"));
            }
        }
    }
    Ok(())
}

/// The base state with the declared one laid over it: nothing of the base is dropped.
fn over(base: &Catalog, declared: &Catalog) -> Result<Catalog> {
    let mut builder: CatalogBuilder = base.to_builder();
    for (id, object) in declared.iter() {
        builder.put(id.clone(), object.clone());
        if let Some(place) = declared.location(id) {
            builder.locate(id, place.clone());
        }
    }
    for (id, _) in declared.iter() {
        for (dependency, edge) in declared.dependencies(id) {
            builder.depend(id, dependency, edge);
        }
    }
    builder.finish()
}

/// The server's error as the project's: at the place where the object is declared.
async fn explain(
    diagnostic: Box<Diagnostic>,
    step: &Step,
    declared: &Catalog,
    session: &Session,
    ephemeral: &Ephemeral,
) -> Box<Diagnostic> {
    let major = session.server_major();
    if let Some(problem) = refused::unmodelled(&step.object, &declared.origin, declared, &diagnostic) {
        let place = declared.location(&step.object).cloned();
        return Box::new(Diagnostic { location: place, ..*problem })
            .help("rename by hand what is to be renamed (a rename that is done is seen as done)")
            .help("make other changes to what it rests on by hand, too: what stands as declared in the live database need not be built");
    }
    let problem = refused::on_scratch(diagnostic, &step.sql, ephemeral);
    let mut problem = match declared.origin.major {
        0 => refused::maybe_unmodelled(problem, session, declared).await,
        _ => problem,
    };
    let statement = problem.location.take();
    problem.message = format!("PostgreSQL does not accept {}: {}", step.object, problem.message);
    if let Some(place) = declared.location(&step.object) {
        problem.location = Some(place.clone());
        if let Some(statement) = statement {
            problem.related.push((statement, "in this statement".to_owned()));
        } else {
            problem.notes.push(format!("the statement was: {}", step.sql));
        }
    } else {
        problem.location = statement;
    }
    if let Some((what, since)) = crate::sql::newer_syntax(&step.sql, &problem.message).filter(|(_, s)| *s > major) {
        problem.notes.push(format!("{what} needs PostgreSQL {since} or later; this server is {major}"));
        problem
            .help
            .push(format!("install the binaries of PostgreSQL {since}, or name such a server with --ephemeral"));
    }
    problem
}

/// Checks the bodies of routines that the build took unseen: the languages' own validators say what is wrong with them, each
/// under the search path that the routine sets for itself. A body may count on what is there only when it runs (a temporary
/// table, another search path), and PostgreSQL keeps routines whose bodies have become wrong: so these are warnings.
async fn validate_bodies(
    session: &Session,
    declared: &Catalog,
    search_path: &[String],
) -> Result<Vec<(ObjectId, Box<Diagnostic>)>> {
    let mut notes = Vec::new();
    if !declared.iter().any(|(id, _)| id.kind().info().signature) {
        return Ok(notes);
    }
    let path = crate::core::name::search_path(search_path);
    session.batch(&format!("SET search_path = {path}; SET check_function_bodies = on")).await?;
    let sql = "select p.oid, n.nspname, quote_ident(p.proname) || '(' || array_to_string(array(select format_type(t, null) from unnest(p.proargtypes) with ordinality u(t, n) order by n), ', ') || ')', \
               l.lanvalidator::regproc::text, (select substr(c, 13) from unnest(p.proconfig) c where c like 'search\\_path=%') \
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang \
               where p.oid >= 16384 and l.lanvalidator <> 0 and l.lanname in ('sql', 'plpgsql') and p.prosqlbody is null \
                 and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')";
    for row in session.rows(sql).await? {
        let [Some(oid), Some(schema), Some(signature), Some(validator), own_path] = row.as_slice() else { continue };
        let id = ObjectId::in_schema(KindTag::Routine, schema, signature);
        if declared.get(&id).is_none() {
            continue;
        }
        let mut query = format!("select {validator}({oid})");
        if let Some(own) = own_path {
            // pg_proc holds the setting's value, in which an empty name is "".
            let own = literal(own);
            query = format!("select set_config('search_path', {own}, false); {query}; SET search_path = {path}");
        }
        if let Err(error) = session.client.simple_query(&query).await {
            let mut problem = sql_error(error, None);
            problem.severity = Severity::Warning;
            problem.message = format!("the body of {id} may not run: {}", problem.message);
            notes.push((id.clone(), problem.or_at(declared.location(&id))));
            if own_path.is_some() {
                session.batch(&format!("SET search_path = {path}")).await?;
            }
        }
    }
    Ok(notes)
}

fn carry_places(read: Catalog, declared: &Catalog) -> Result<Catalog> {
    let mut builder = read.to_builder();
    let ids: BTreeSet<ObjectId> = read.iter().map(|(id, _)| id.clone()).collect();
    for id in ids {
        if let Some(place) = declared.location(&id) {
            builder.locate(&id, place.clone());
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::{Location, Source};
    use crate::kinds::table::Table;

    #[test]
    fn what_lies_in_the_schema_of_an_extension_is_refused_with_its_place() {
        let catalog = |schema: &str, is_read: bool| {
            let mut builder = CatalogBuilder::new();
            if is_read {
                builder.put(ObjectId::root(KindTag::Schema, "public"), crate::kinds::schema::Schema {});
            } else {
                let source = std::sync::Arc::new(Source {
                    name: "a.yaml".to_owned(),
                    text: "tables: {}".to_owned(),
                    is_file: true,
                });
                let id = ObjectId::in_schema(KindTag::Table, schema, "t");
                builder.put(id.clone(), Table::default());
                builder.locate(&id, Location::new(&source, 0..6));
            }
            builder.finish_unchecked()
        };
        let read = catalog("", true);
        assert!(of_an_extension(&catalog("public", false), &read).is_ok());
        let refused = of_an_extension(&catalog("made_by_one", false), &read).expect_err("it is lost");
        assert!(refused.code == "extension-schema" && refused.location.is_some());
    }
}
