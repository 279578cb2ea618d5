//! The database the numbers are taken on: N tables of 12 columns, 2N indexes, N foreign keys, N policies, N/20 views, N/20
//! functions, over as many schemas as there are thousands of tables.

use std::fmt::Write as _;
use std::path::Path;

/// How many tables one transaction creates: one string for all dies of max_locks_per_transaction.
const CHUNK: usize = 250;

/// The SQL, in pieces that each run in a transaction of their own, in this order.
pub fn pieces(tables: usize) -> impl Iterator<Item = String> {
    (0..tables).step_by(CHUNK).map(move |start| {
        let mut sql = String::from("set check_function_bodies = off;\n");
        for number in start..tables.min(start + CHUNK) {
            table(&mut sql, number);
            if number % 20 == 0 {
                extras(&mut sql, number);
            }
        }
        sql
    })
}

/// The schema that holds a table.
fn schema(number: usize) -> String {
    format!("part{}", number / 1000)
}

fn table(sql: &mut String, number: usize) {
    let schema = schema(number);
    if number.is_multiple_of(1000) {
        let _ = writeln!(sql, "create schema {schema};");
    }
    // The first table refers to itself, so that there is one foreign key per table.
    let parent = number.saturating_sub(1);
    let parent_schema = self::schema(parent);
    let _ = write!(
        sql,
        "create table {schema}.t{number} (
            id bigint generated always as identity primary key,
            parent_id bigint references {parent_schema}.t{parent} (id) on delete cascade,
            owner_id uuid not null default gen_random_uuid(),
            name text not null,
            email character varying(200),
            status text not null default 'open' check (status in ('open', 'closed')),
            amount numeric(12,2) not null default 0,
            quantity integer default 1,
            active boolean not null default true,
            data jsonb not null default '{{}}',
            tags text[],
            created_at timestamp with time zone not null default now()
        );
        create index t{number}_owner_id_idx on {schema}.t{number} (owner_id, created_at desc);
        alter table {schema}.t{number} enable row level security;
        create policy own on {schema}.t{number} for select using (owner_id = current_setting('app.user', true)::uuid and active);
        "
    );
}

fn extras(sql: &mut String, number: usize) {
    let schema = schema(number);
    let _ = write!(
        sql,
        "create view {schema}.v{number} as
            select t.id, t.name, p.name as parent_name, t.amount * t.quantity as total
            from {schema}.t{number} t left join {schema}.t{number} p on p.id = t.parent_id where t.active;
        create function {schema}.f{number}(wanted uuid) returns bigint language sql stable
            as $$ select count(*) from {schema}.t{number} where owner_id = wanted $$;
        "
    );
}

/// Edits a pulled project in five places: a column type, a policy, an index, a view, a new table.
pub fn five_edits(project: &Path) -> Result<(), String> {
    let edit = |file: &str, old: &str, new: &str| {
        let path = project.join("schema/part0").join(file);
        let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        if !text.contains(old) {
            return Err(failed(&format!("there is no `{old}`")));
        }
        std::fs::write(&path, text.replacen(old, new, 1)).map_err(|error| failed(&error))
    };
    edit("tables/t1.yaml", "quantity: integer", "quantity: bigint")?;
    edit("tables/t2.yaml", "(owner_id = (current_setting('app.user'::text, true))::uuid) AND active", "active")?;
    edit("tables/t3.yaml", "(owner_id, created_at DESC)", "(owner_id)")?;
    edit("views.yaml", "        p.name AS parent_name,\n", "")?;
    let table =
        "schema: part0\ntables:\n  brand_new:\n    columns:\n      id: uuid primary key\n      name: text not null\n";
    std::fs::write(project.join("schema/part0/tables/brand_new.yaml"), table).map_err(|error| error.to_string())
}
