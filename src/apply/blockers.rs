//! Who stands in the way: sessions that hold what a step waits for, each in a sentence.

use crate::core::name::literal;
use crate::core::step::Step;
use crate::postgres::Session;

/// What is said of a session of `pg_stat_activity a`.
const SAID: &str = "b.pid, a.usename, a.application_name, a.state, \
     pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.query_start)))::bigint, \
     pg_catalog.left(pg_catalog.regexp_replace(a.query, '\\s+', ' ', 'g'), 100)";

/// The sessions that a backend waits for at this moment (`pg_blocking_pids`).
pub(super) async fn blocking(watcher: &Session, pid: i32) -> Vec<String> {
    said(watcher, &format!("(SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid})) AS pid)")).await
}

/// The sessions that hold locks on what a step locks: for when it waits no more.
pub(super) async fn holders(session: &Session, step: &Step) -> Vec<String> {
    let relation = step.lock.as_ref().map_or_else(|| step.object.top_sql(), |(_, relation)| relation.sql());
    let relation = literal(&relation);
    said(
        session,
        &format!(
            "(SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE l.granted AND l.locktype = 'relation' \
             AND l.relation = pg_catalog.to_regclass({relation}) AND l.pid <> pg_catalog.pg_backend_pid() \
             AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))"
        ),
    )
    .await
}

/// The sessions of this database that hold an advisory lock of two numbers.
pub(super) async fn holders_of_key(session: &Session, (class, object): (i32, i32)) -> Vec<String> {
    said(
        session,
        &format!(
            "(SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.granted AND l.locktype = 'advisory' AND l.objsubid = 2 \
             AND l.classid = {class}::oid AND l.objid = {object}::oid AND l.pid <> pg_catalog.pg_backend_pid() \
             AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))"
        ),
    )
    .await
}

/// Errors are not reported: who blocks is an extra, and must not stand in the way of what is to be said.
async fn said(session: &Session, pids: &str) -> Vec<String> {
    let sql = format!(
        "SELECT {SAID} FROM {pids} b LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid ORDER BY 5 DESC NULLS LAST LIMIT 5"
    );
    let rows = session.rows(&sql).await.unwrap_or_default();
    rows.iter().map(|row| sentence(row)).collect()
}

fn sentence(row: &[Option<String>]) -> String {
    let field = |i: usize| row.get(i).and_then(Option::as_deref).filter(|t| !t.is_empty());
    let pid = field(0).unwrap_or("?");
    if pid == "0" {
        return "a prepared transaction (pg_prepared_xacts)".to_owned();
    }
    let mut about = Vec::new();
    if let Some(user) = field(1) {
        about.push(format!("user {user}"));
    }
    if let Some(application) = field(2) {
        about.push(format!("application {application}"));
    }
    if let Some(state) = field(3) {
        let age = field(4).map(|s| format!(" for {s} s")).unwrap_or_default();
        about.push(format!("{state}{age}"));
    }
    let mut text = format!("pid {pid}");
    if !about.is_empty() {
        text.push_str(&format!(" ({})", about.join(", ")));
    }
    match field(5) {
        // Statements that set passwords hold them.
        Some(query) if query.to_ascii_lowercase().contains("password") => {
            text.push_str(": a statement with a password in it")
        }
        Some(query) => text.push_str(&format!(": {query}")),
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blockers_are_sentences_without_passwords() {
        let row = |query: &str| -> Vec<Option<String>> {
            ["7", "app", "web", "idle in transaction", "12", query].map(|t| Some(t.to_owned())).to_vec()
        };
        assert_eq!(
            sentence(&row("select 1")),
            "pid 7 (user app, application web, idle in transaction for 12 s): select 1"
        );
        assert!(!sentence(&row("alter role x PASSWORD 'geheim'")).contains("geheim"));
        assert_eq!(sentence(&[Some("9".into()), None, None, None, None, None]), "pid 9");
    }
}
