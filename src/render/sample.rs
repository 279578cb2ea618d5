//! One hand-made comparison that holds every case the forms have to show.

use crate::core::diagnostic::{Diagnostic, Location, Source};
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::diff::{ChangeKind, Difference};
use crate::kinds::{AttributeChange, KindTag};
use crate::plan::{Plan, PlanTransaction};

use super::Report;

fn table(name: &str) -> ObjectId {
    ObjectId::in_schema(KindTag::Table, "public", name)
}

fn altered(id: ObjectId, attributes: &[(&'static str, &str, &str)]) -> Difference {
    let attributes = attributes
        .iter()
        .map(|(name, old, new)| AttributeChange { name, old: (*old).to_owned(), new: (*new).to_owned() })
        .collect();
    Difference { id, of: None, change: ChangeKind::Altered { attributes } }
}

pub(crate) fn differences() -> Vec<Difference> {
    let (orders, users) = (table("orders"), table("users"));
    let is = |id: ObjectId, change: ChangeKind| Difference { id, of: None, change };
    let mut all = vec![
        is(orders.clone(), ChangeKind::Created),
        is(orders.child(KindTag::Column, "id"), ChangeKind::Created),
        is(orders.child(KindTag::Column, "total"), ChangeKind::Created),
        is(orders.child(KindTag::Column, "total").child(KindTag::Comment, ""), ChangeKind::Created),
        is(orders.child(KindTag::Constraint, "orders_pkey"), ChangeKind::Created),
        is(users.child(KindTag::Column, "email"), ChangeKind::Created),
        is(users.child(KindTag::Column, "fax"), ChangeKind::Dropped),
        is(users.child(KindTag::Column, "status"), ChangeKind::Renamed { from: users.child(KindTag::Column, "state") }),
        altered(
            users.child(KindTag::Column, "name"),
            &[("type", "varchar(40)", "text"), ("not_null", "false", "true")],
        ),
        Difference {
            id: ObjectId::in_schema(KindTag::Index, "public", "users_email_idx"),
            of: Some(users.clone()),
            change: ChangeKind::Created,
        },
        is(users.child(KindTag::Policy, "own <rows> | all"), ChangeKind::Created),
        altered(
            ObjectId::in_schema(KindTag::View, "public", "active_users"),
            &[(
                "query",
                " SELECT id,\n    name\n   FROM users\n  WHERE active;",
                " SELECT id,\n    name,\n    email\n   FROM users\n  WHERE active;",
            )],
        ),
        altered(ObjectId::in_schema(KindTag::Routine, "public", "touch()"), &[("volatility", "volatile", "stable")]),
        is(table("esc\u{1b}[31m"), ChangeKind::Dropped),
        is(table("esc\u{1b}[31m").child(KindTag::Column, "x"), ChangeKind::Dropped),
    ];
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn group(mode: Transaction, phase: Phase, steps: Vec<Step>) -> PlanTransaction {
    let steps = steps.into_iter().map(|s| s.phase(phase).transaction(mode)).collect();
    PlanTransaction { mode, phase, steps }
}

pub(crate) fn plan() -> Plan {
    let (orders, users) = (table("orders"), table("users"));
    let (email, name) = (users.child(KindTag::Column, "email"), users.child(KindTag::Column, "name"));
    let index = users.child(KindTag::Index, "users_email_idx");
    let old = table("esc\u{1b}[31m");
    let view = ObjectId::in_schema(KindTag::View, "public", "active_users");
    Plan {
        trueup_plan: 1,
        from: "0f".repeat(32),
        to: "a1".repeat(32),
        state: None,
        schemas: None,
        objects: Default::default(),
        declares: None,
        major: 16,
        search_path: vec!["public".to_owned(), "My Extensions".to_owned()],
        transactions: vec![
            group(
                Transaction::Shared,
                Phase::Expand,
                vec![
                    Step::create(&orders, "CREATE TABLE public.orders (\n    id uuid NOT NULL,\n    total numeric\n)"),
                    Step::create(&email, "ALTER TABLE public.users ADD COLUMN email text")
                        .lock(LockMode::AccessExclusive, &users),
                    Step::alter(&view, "CREATE OR REPLACE VIEW public.active_users AS\n SELECT id, name, email FROM users WHERE active")
                        .lock(LockMode::AccessExclusive, &view),
                ],
            ),
            group(
                Transaction::None,
                Phase::Expand,
                vec![{
                    let mut step = Step::create(&index, "CREATE INDEX CONCURRENTLY users_email_idx ON public.users (email)")
                        .lock(LockMode::ShareUpdateExclusive, &users)
                        .done_when("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.users_email_idx')");
                    step.cleanup = Some("DROP INDEX CONCURRENTLY IF EXISTS public.users_email_idx".to_owned());
                    step
                }],
            ),
            group(
                Transaction::Shared,
                Phase::Expand,
                vec![
                    Step::create(
                        &users.child(KindTag::Policy, "own <rows> | all"),
                        "CREATE POLICY \"own <rows> | all\" ON public.users USING (id = auth.uid())",
                    )
                    .lock(LockMode::AccessExclusive, &users)
                    .hazard(HazardKind::Access, "changes which rows roles may see or change"),
                ],
            ),
            group(
                Transaction::Own,
                Phase::Migrate,
                vec![Step::data(&name, "UPDATE public.users SET name = '' WHERE name IS NULL").lock(LockMode::RowExclusive, &users)],
            ),
            group(
                Transaction::Shared,
                Phase::Contract,
                vec![
                    Step::alter(&name, "ALTER TABLE public.users ALTER COLUMN name TYPE text, ALTER COLUMN name SET NOT NULL")
                        .lock(LockMode::AccessExclusive, &users)
                        .hazard(HazardKind::Blocking, "reads and writes wait while the rows are scanned"),
                    Step::drop(&old, "DROP TABLE public.\"esc\u{1b}[31m\"")
                        .lock(LockMode::AccessExclusive, &old)
                        .hazard(HazardKind::DataLoss, "drops the table and its 12 rows"),
                ],
            ),
        ],
    }
}

#[expect(clippy::vec_box, reason = "diagnostics are boxed everywhere, as in comparisons")]
pub(crate) fn notes() -> Vec<Box<Diagnostic>> {
    let text = "schema: public\ntables:\n  users:\n    colums:\n      email: text\n";
    let source = Source::new("schema/users.yaml", text);
    let at = |word: &str| {
        let start = text.find(word).unwrap_or(0);
        Location::new(&source, start..start + word.len())
    };
    vec![
        Diagnostic::warning("unknown-key", "unknown key `colums` in a table")
            .at(at("colums"))
            .label("no such key")
            .related(at("users"), "in this table")
            .note("keys of a table are columns, constraints, indexes, …")
            .help("did you mean `columns`?"),
        Diagnostic::info("column-order", "the columns of public.users stand in another order than declared"),
    ]
}

/// Renders with the sample as a report.
pub(crate) fn with<T>(f: impl FnOnce(&Report<'_>) -> T) -> T {
    let (differences, plan, notes) = (differences(), plan(), notes());
    f(&Report {
        from: "postgres://app@db.example.org:5432/shop".to_owned(),
        to: "schema".to_owned(),
        differences: &differences,
        plan: &plan,
        notes: &notes,
        proof: None,
        declared: None,
        live: None,
    })
}

/// Renders with a report that has nothing to say.
pub(crate) fn with_nothing<T>(f: impl FnOnce(&Report<'_>) -> T) -> T {
    f(&Report {
        from: "postgres://app@db.example.org:5432/shop".to_owned(),
        to: "schema".to_owned(),
        differences: &[],
        plan: &Plan::default(),
        notes: &[],
        proof: None,
        declared: None,
        live: None,
    })
}

/// Runs an assertion with the project's folder of snapshots.
pub(crate) fn snapshots(f: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(f);
}
