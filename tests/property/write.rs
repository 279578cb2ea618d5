//! Writes a model as SQL statements, in an order in which most of them work.
//!
//! What an item's genes make of it need not make sense: a statement that the server refuses is left out by who runs them.

use super::model::{Item, Model, What};
use super::random::{Random, mix};
use super::support::servers::quoted;
use super::write_table;

/// Roles that grants and policies name.
pub const ROLES: &[&str] = &["r_app", "r_reader", "Role \"x\" ß"];

/// Names that must be quoted, escaped or not mistaken for something else.
const HOSTILE: &[&str] = &[
    "select",
    "Table",
    "a b",
    "q\"uote",
    "ünï€",
    "x.y",
    "a/b",
    "100%",
    "it's",
    "$1",
    "$$",
    "--",
    "/*",
    "back\\slash",
    ":v",
    "{x}",
    "#h",
    "user",
    "order",
    "null",
    "{{18: x}}",
    "%s%n",
    "0",
    " lead",
    "ALL",
    "public",
    "~",
    "[1]",
    "a,b",
    "a=b",
    "*",
    "éééééééééééééééééééééééééééééééx",
    "Ünïcode \u{1F40C} Dröp",
    "a\nb",
    "\"",
    "''",
    "sixty_three_bytes_long_name_sixty_three_bytes_long_name_sixty_th",
];

const PLAIN: &[&str] = &["account", "orders", "item", "log", "price", "state", "kind", "note", "total", "ref_no"];

/// The bare name of an item.
pub fn bare(item: &Item) -> String {
    let mut random = Random::new(item.id);
    let number = item.id % 900;
    match random.below(10) {
        0 => random.pick(HOSTILE).to_owned(),
        1 | 2 => format!("{}{number}", random.pick(HOSTILE)),
        _ => format!("{}_{number}", random.pick(PLAIN)),
    }
    .chars()
    .take(63)
    .collect()
}

/// The quoted name of an item.
pub fn name(item: &Item) -> String {
    quoted(&bare(item))
}

/// A literal.
pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// The qualified name of an item that is in a schema; its first gene says which.
pub fn qualified(model: &Model, item: &Item) -> String {
    let mut gene = item.gene(0);
    let schema = if gene.chance(40) { None } else { model.refer(gene.next(), model.all(What::Schema)) };
    format!("{}.{}", schema.map_or("public".to_owned(), name), name(item))
}

/// A type.
pub fn type_name(model: &Model, random: &mut Random) -> String {
    const BUILT_IN: &[&str] = &[
        "bigint",
        "boolean",
        "varchar(20)",
        "numeric(10,2)",
        "timestamptz",
        "date",
        "jsonb",
        "uuid",
        "bytea",
        "text[]",
        "integer[]",
        "inet",
        "daterange",
        "char(3)",
        "timestamp(3)",
        "interval",
        "real",
        "smallint",
        "varchar",
        "numeric",
        "point",
        "tsvector",
        "xml",
        "name",
        "\"char\"",
        "bit(4)",
        "time",
        "double precision",
        "json",
        "oid",
        "regclass",
        "int4multirange",
    ];
    if random.chance(40) {
        return random.pick(&["integer", "text"]).to_owned();
    }
    let pick = random.next();
    if random.chance(40) {
        let user = model.items.iter().filter(|i| matches!(i.what, What::Enum | What::Domain | What::Composite));
        if let Some(item) = model.refer(pick, user) {
            return format!("{}{}", qualified(model, item), if random.chance(25) { "[]" } else { "" });
        }
    }
    random.pick(BUILT_IN).to_owned()
}

/// The labels of an enum.
pub fn labels(item: &Item) -> Vec<&'static str> {
    const LABELS: &[&str] = &["new", "Paid", "it's", "a b", "ß€", "x\"y", "done"];
    let mut found: Vec<(u64, &str)> = Vec::new();
    for (index, label) in LABELS.iter().enumerate() {
        let mut gene = item.gene(index + 1);
        if gene.chance(60) {
            // Mostly in the order of the list.
            found.push((if gene.chance(80) { index as u64 } else { gene.next() % 7 }, label));
        }
    }
    found.sort();
    found.into_iter().map(|(_, label)| label).collect()
}

/// A condition on a value.
pub fn condition(model: &Model, value: &str, kind: &str, random: &mut Random) -> String {
    let call = model.refer(random.next(), model.all(What::Function).filter(|f| shape(f) == Shape::Predicate));
    if let Some(function) = call
        && kind == "integer"
        && random.chance(40)
    {
        return format!("{}({value})", qualified(model, function));
    }
    match kind {
        "integer" | "bigint" | "smallint" | "numeric(10,2)" | "numeric" => match random.below(4) {
            0 => format!("{value} > {}", random.below(9)),
            1 => format!("{value} between -1 and {}", random.below(99)),
            2 => format!("{value} in (1, 2, {})", random.below(50)),
            _ => format!("{value} <> 5 or {value} is null"),
        },
        "text" | "varchar" | "varchar(20)" => match random.below(4) {
            0 => format!("{value} <> ''"),
            1 => format!("length({value}) < {}", random.below(200)),
            2 => format!("{value} ~ '^[a-z]%\\d'"),
            _ => format!("lower({value}) like 'a%' and {value} is not null"),
        },
        _ => format!("{value} is {}null", if random.chance(80) { "not " } else { "" }),
    }
}

/// What a function is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Takes an integer, returns boolean, immutable.
    Predicate,
    /// Returns trigger.
    Trigger,
    /// Anything, over tables too.
    Free,
}

/// What a function is for.
pub fn shape(item: &Item) -> Shape {
    match item.id % 3 {
        0 => Shape::Predicate,
        1 => Shape::Trigger,
        _ => Shape::Free,
    }
}

fn function(model: &Model, item: &Item) -> String {
    let target = qualified(model, item);
    let mut body = item.gene(1);
    let mut options = String::new();
    let mut gene = item.gene(2);
    options.push_str(gene.pick(&["", "", " strict", " parallel safe", " cost 7", " leakproof"]));
    options.push_str(item.gene(3).pick(&[
        "",
        "",
        " security definer",
        " set search_path = public, \"a b\"",
        " set work_mem = '1MB'",
    ]));
    match shape(item) {
        Shape::Predicate => {
            let x = ["x", "\"X y\""][item.gene(4).below(2)];
            let default = item.gene(5).pick(&["", " default 3"]);
            let text = match body.below(3) {
                0 => format!("language sql immutable{options} as $f$ select {x} > {} $f$", body.below(5)),
                1 => {
                    format!("language plpgsql immutable{options} as $f$ begin return {x} > {}; end $f$", body.below(5))
                }
                _ => format!("language sql immutable{options} begin atomic select {x} <> {}; end", body.below(5)),
            };
            format!("create function {target}({x} integer{default}) returns boolean {text}")
        }
        Shape::Trigger => format!(
            "create function {target}() returns trigger language plpgsql{options} as $f$ begin {} return new; end $f$",
            body.pick(&["", "raise notice 'x % %', 1, 'a;b';", "/* c */ perform 1;"])
        ),
        Shape::Free => {
            let table = model.refer(item.genes[6], model.all(What::Table).chain(model.all(What::View)));
            let from = table.map_or("pg_catalog.pg_class".to_owned(), |t| qualified(model, t));
            let mut arguments = item.gene(7);
            let mut list = Vec::new();
            for index in 0..arguments.below(3) {
                list.push(format!("p{index} {}", type_name(model, &mut arguments)));
            }
            if arguments.chance(15) {
                list.push(format!("\"row\" {from}"));
            }
            let end = arguments.below(12);
            let list_out = match end {
                0 => ", out a integer, out \"B\" text",
                1 => ", inout z integer default 5",
                _ => "",
            };
            let mut list = list.join(", ");
            let returns = match end {
                0 => "record".to_owned(),
                1 => "integer".to_owned(),
                2 => format!("setof {from}"),
                3 => "table(a integer, b text)".to_owned(),
                4 => type_name(model, &mut item.gene(8)),
                _ => "bigint".to_owned(),
            };
            if end == 5 {
                list.push_str(if list.is_empty() { "variadic v text[]" } else { ", variadic v text[]" });
            }
            if end <= 1 {
                list.push_str(if list.is_empty() { &list_out[2..] } else { list_out });
            }
            let query = match end {
                0 | 3 => format!("select 1, 'x'::text from {from}"),
                1 => format!("select 1 from {from}"),
                2 => format!("select * from {from}"),
                4 => "select null".to_owned(),
                _ => format!("select count(*) from {from}"),
            };
            if end == 6 {
                return format!(
                    "create procedure {target}({list}) language {}",
                    [
                        format!("sql as $f$ {query} $f$"),
                        "plpgsql as $f$ begin commit; end $f$".to_owned(),
                        format!("sql begin atomic {query}; end"),
                    ][body.below(3)]
                );
            }
            let rows = if matches!(end, 2 | 3) { item.gene(12).pick(&["", " rows 10"]) } else { "" };
            let volatility = item.gene(9).pick(&["", " stable", " volatile"]).to_owned() + rows;
            let text = match body.below(3) {
                0 => format!("language sql{volatility}{options} as $f$ {query} $f$"),
                1 => format!("language plpgsql{volatility}{options} as $f$ begin return; end $f$"),
                _ => format!("language sql{volatility}{options} begin atomic {query}; end"),
            };
            format!("create function {target}({list}) returns {returns} {text}")
        }
    }
}

fn simple(model: &Model, item: &Item) -> Vec<String> {
    let target = qualified(model, item);
    match item.what {
        What::Enum => {
            let labels: Vec<String> = labels(item).into_iter().map(literal).collect();
            vec![format!("create type {target} as enum ({})", labels.join(", "))]
        }
        What::Domain => {
            let built_in = |item: &Item| {
                item.gene(1).pick(&["integer", "text", "text", "numeric(10,2)", "varchar(20)", "integer[]"]).to_owned()
            };
            let base = built_in(item);
            // A domain may be over one that was made before it.
            let others = model.all(What::Domain).take_while(|other| other.id != item.id);
            let under = model.refer(item.genes[6], others.filter(|other| built_in(other) == base));
            let over =
                under.filter(|_| item.gene(7).chance(30)).map_or_else(|| base.clone(), |other| qualified(model, other));
            let mut sql = format!("create domain {target} as {over}");
            sql.push_str(item.gene(2).pick(&["", "", " not null", " default null"]));
            if base == "text" {
                sql.push_str(item.gene(3).pick(&["", " collate \"C\"", " default 'a''b'"]));
            }
            for index in 4..6 {
                let mut gene = item.gene(index);
                if gene.chance(50) {
                    sql.push_str(&format!(
                        " constraint \"check {index}\" check ({})",
                        condition(model, "value", &base, &mut gene)
                    ));
                }
            }
            let mut statements = vec![sql];
            if item.gene(8).chance(15) {
                let check = condition(model, "value", &base, &mut item.gene(11));
                statements
                    .push(format!("alter domain {target} add constraint \"not valid\" check ({check}) not valid"));
            }
            statements
        }
        What::Composite => {
            let mut parts = Vec::new();
            for index in 1..5 {
                let mut gene = item.gene(index);
                if gene.chance(65) {
                    parts.push(format!(
                        "{} {}",
                        ["a", "\"B b\"", "c", "\"select\""][index - 1],
                        type_name(model, &mut gene)
                    ));
                }
            }
            vec![format!("create type {target} as ({})", parts.join(", "))]
        }
        What::Sequence => {
            let unlogged = item.gene(9).pick(&["", "", "", "", "unlogged "]);
            let mut sql = format!(
                "create {unlogged}sequence {target} as {}",
                item.gene(1).pick(&["bigint", "integer", "smallint"])
            );
            sql.push_str(item.gene(2).pick(&["", "", " increment 5", " increment -1"]));
            sql.push_str(item.gene(3).pick(&["", "", " minvalue -50", " maxvalue 999"]));
            sql.push_str(item.gene(4).pick(&["", "", " start 7", " cache 10", " start -1"]));
            sql.push_str(item.gene(5).pick(&["", "", " cycle"]));
            vec![sql]
        }
        _ => Vec::new(),
    }
}

fn view(model: &Model, item: &Item) -> Vec<String> {
    let target = qualified(model, item);
    let materialized = item.what == What::Materialized;
    // A view may be on a view that was made before it.
    let sources = model.all(What::Table).chain(
        model
            .items
            .iter()
            .filter(|i| matches!(i.what, What::View | What::Materialized))
            .take_while(|i| i.id != item.id),
    );
    let Some(source) = model.refer(item.genes[1], sources) else { return Vec::new() };
    let from = qualified(model, source);
    let mut gene = item.gene(2);
    let columns: Vec<&Item> = source.parts(What::Column).collect();
    let query = if columns.is_empty() {
        format!("select * from {from}")
    } else {
        let some: Vec<String> = columns.iter().filter(|_| gene.chance(70)).map(|c| format!("t.{}", name(c))).collect();
        match gene.below(6) {
            0 => format!("select count(*) as n, max(id) as \"Max\" from {from}"),
            1 => format!("select id as key, 'it''s' as x from {from} where id > {}", gene.below(9)),
            2 => format!("select * from {from}"),
            3 => format!("select t.id, u.id as other from {from} t left join {from} u on u.id = t.id + 1"),
            _ if some.is_empty() => format!("select id from {from}"),
            _ => format!("select {} from {from} t", some.join(", ")),
        }
    };
    let predicate = model.refer(item.genes[12], model.all(What::Function).filter(|f| shape(f) == Shape::Predicate));
    let other = model.refer(item.genes[13], model.all(What::Table));
    let query = match (item.gene(14).below(14), predicate, other) {
        (0 | 1, Some(function), _) => {
            format!("select id, {}(id::integer) as ok from {from}", qualified(model, function))
        }
        (2, _, Some(other)) => {
            format!("select t.id, o.id as key from {from} t join {} o using (id)", qualified(model, other))
        }
        (3, _, Some(other)) => {
            format!("select id from {from} union all select id from {} order by 1", qualified(model, other))
        }
        (4, _, Some(other)) => format!(
            "with recursive r as (select id from {from} union select r.id + 1 from r where r.id < 9) \
             select r.id, (select max(o.id) from {} o) as \"Max\" from r",
            qualified(model, other)
        ),
        _ => query,
    };
    let mut statements = Vec::new();
    let first = item.gene(15).pick(&["id", "id", "key", "n"]);
    if materialized {
        let with = item.gene(3).pick(&["", "", " with (fillfactor = 50)"]);
        let data = item.gene(4).pick(&["", " with no data"]);
        statements.push(format!("create materialized view {target}{with} as {query}{data}"));
        for index in item.parts(What::Index) {
            let column = index.gene(1).pick(&["id", "key", "n"]);
            let unique = index.gene(2).pick(&["", "unique "]);
            statements.push(format!("create {unique}index {} on {target} ({column})", name(index)));
        }
        let mut gene = item.gene(16);
        match gene.below(8) {
            0 => statements.push(format!("alter materialized view {target} alter column {first} set statistics 44")),
            1 => {
                if let Some(index) = model.refer(gene.next(), item.parts(What::Index)) {
                    statements.push(format!("alter materialized view {target} cluster on {}", name(index)));
                }
            }
            2 => statements.push(format!("alter materialized view {target} set (autovacuum_enabled = false)")),
            _ => {}
        }
    } else {
        let with = item.gene(3).pick(&["", "", " with (security_barrier)", " with (security_invoker = true)"]);
        let check = item.gene(4).pick(&["", "", "", " with cascaded check option", " with local check option"]);
        statements.push(format!("create view {target}{with} as {query}{check}"));
        if item.gene(16).chance(15) {
            let value = item.gene(17).pick(&["5", "7", "null"]);
            statements.push(format!("alter view {target} alter column {first} set default {value}"));
        }
    }
    statements
}

/// The extension that an item is.
fn extension(item: &Item) -> &'static str {
    ["citext", "pgcrypto", "btree_gist"][item.gene(1).below(3)]
}

fn about(model: &Model, item: &Item) -> Vec<String> {
    let Some(on) = model.refer(
        item.genes[0],
        model.items.iter().filter(|i| !matches!(i.what, What::Comment | What::Grant | What::DefaultPrivilege)),
    ) else {
        return Vec::new();
    };
    let target = match on.what {
        What::Schema => name(on),
        What::Extension => extension(on).to_owned(),
        _ => qualified(model, on),
    };
    let word = match on.what {
        What::Schema => "schema",
        What::Extension => "extension",
        What::Enum | What::Composite => "type",
        What::Domain => "domain",
        What::Sequence => "sequence",
        What::Function => "routine",
        What::View => "view",
        What::Materialized => "materialized view",
        _ => "table",
    };
    let part = model.refer(item.genes[1], on.children.iter());
    let mut gene = item.gene(2);
    if item.what == What::Comment {
        let text = literal(gene.pick(&["plain", "it's", "a\nb", "back\\slash %s", "$$ -- ;", "{{18: x}}", "ünï"]));
        return match part {
            Some(part) if gene.chance(60) => match part.what {
                What::Column => vec![format!("comment on column {target}.{} is {text}", name(part))],
                What::Constraint => vec![format!("comment on constraint {} on {target} is {text}", name(part))],
                What::Trigger => vec![format!("comment on trigger {} on {target} is {text}", name(part))],
                What::Policy => vec![format!("comment on policy {} on {target} is {text}", name(part))],
                What::Index => {
                    let schema = write_table::target_schema(&target, on);
                    vec![format!("comment on index {schema}{} is {text}", name(part))]
                }
                What::Partition => vec![format!("comment on table {} is {text}", qualified(model, part))],
                _ => Vec::new(),
            },
            None if gene.chance(40) => {
                let column = gene.pick(&["id", "key", "n", "a", "x"]);
                match on.what {
                    What::View | What::Materialized | What::Composite | What::Table => {
                        vec![format!("comment on column {target}.{column} is {text}")]
                    }
                    What::Domain => vec![format!("comment on constraint \"check 5\" on domain {target} is {text}")],
                    _ => vec![format!("comment on {word} {target} is {text}")],
                }
            }
            _ => vec![format!("comment on {word} {target} is {text}")],
        };
    }
    let everyone = item.gene(12).chance(15);
    let role = if everyone { "public".to_owned() } else { quoted(item.gene(3).pick(ROLES)) };
    let option = if everyone { "" } else { item.gene(4).pick(&["", "", " with grant option"]) };
    let to = format!("to {role}{option}");
    if item.gene(13).chance(10) {
        // What the owner may do, too, can be less than all.
        return match on.what {
            What::Table | What::View => vec![format!("revoke truncate, delete on {target} from current_user")],
            What::Sequence => vec![format!("revoke update on sequence {target} from current_user")],
            What::Domain => vec![format!("revoke usage on domain {target} from public")],
            What::Enum | What::Composite => vec![format!("revoke usage on type {target} from public")],
            _ => Vec::new(),
        };
    }
    match on.what {
        What::Schema => vec![format!("grant {} on schema {target} {to}", gene.pick(&["usage", "create, usage"]))],
        What::Table | What::View | What::Materialized => match part {
            Some(part) if part.what == What::Column && gene.chance(50) => {
                let privileges = ["select ({0}), update ({0})", "insert ({0})", "references ({0}), select ({0})"];
                vec![format!("grant {} on {target} {to}", gene.pick(&privileges).replace("{0}", &name(part)))]
            }
            None if gene.chance(25) => vec![format!("grant select (id) on {target} {to}")],
            Some(part) if part.what == What::Partition => {
                vec![format!("grant select, insert on {} {to}", qualified(model, part))]
            }
            _ => vec![format!(
                "grant {} on {target} {to}",
                gene.pick(&["select", "all", "insert, update", "select, truncate"])
            )],
        },
        What::Sequence => vec![format!("grant {} on sequence {target} {to}", gene.pick(&["usage", "all"]))],
        What::Extension => Vec::new(),
        What::Function if gene.chance(50) => vec![format!("revoke execute on routine {target} from public")],
        What::Function => vec![format!("grant execute on routine {target} {to}")],
        _ => vec![format!("grant usage on {} {target} {to}", if on.what == What::Domain { "domain" } else { "type" })],
    }
}

/// The statements of a schema.
pub fn script(model: &Model, major: u32) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for schema in model.all(What::Schema) {
        out.push(format!("create schema {}", name(schema)));
    }
    for item in model.all(What::Extension) {
        let schema = model.refer(item.genes[0], model.all(What::Schema)).map_or("public".to_owned(), name);
        out.push(format!("create extension {} schema {schema}", extension(item)));
    }
    let mut types: Vec<String> = Vec::new();
    for item in &model.items {
        types.extend(simple(model, item));
        if item.what == What::Function && shape(item) != Shape::Free {
            types.push(function(model, item));
        }
    }
    out.extend(types);
    write_table::tables(model, major, &mut out);
    for item in &model.items {
        match item.what {
            What::View | What::Materialized => out.extend(view(model, item)),
            What::Function if shape(item) == Shape::Free => out.push(function(model, item)),
            _ => {}
        }
    }
    write_table::behaviour(model, &mut out);
    for item in &model.items {
        match item.what {
            What::Comment | What::Grant => out.extend(about(model, item)),
            What::Sequence => {
                if let Some(table) = model.refer(item.genes[6], model.all(What::Table))
                    && let Some(column) = model.refer(item.genes[7], table.parts(What::Column))
                    && item.gene(8).chance(40)
                {
                    out.push(format!(
                        "alter sequence {} owned by {}.{}",
                        qualified(model, item),
                        qualified(model, table),
                        name(column)
                    ));
                }
            }
            _ => {}
        }
        if item.what == What::Domain && item.gene(9).chance(20) {
            let target = qualified(model, item);
            out.push(format!("comment on constraint \"check 4\" on domain {target} is 'it''s checked'"));
        }
        if item.what == What::Composite && item.gene(9).chance(20) {
            out.push(format!("comment on column {}.a is 'an attribute'", qualified(model, item)));
        }
        // Some things belong to others.
        if mix(item.genes[10]).is_multiple_of(20) {
            let word = match item.what {
                What::Enum | What::Composite => "type",
                What::Domain => "domain",
                What::Function => "routine",
                What::Table | What::View | What::Materialized | What::Sequence => "table",
                What::Schema => "schema",
                _ => continue,
            };
            let target = if item.what == What::Schema { name(item) } else { qualified(model, item) };
            out.push(format!("alter {word} {target} owner to {}", quoted(ROLES[0])));
        }
    }
    for item in model.all(What::DefaultPrivilege) {
        default_privilege(model, item, &mut out);
    }
    out
}

fn default_privilege(model: &Model, item: &Item, out: &mut Vec<String>) {
    let schema = model.refer(item.genes[0], model.all(What::Schema)).map_or("public".to_owned(), name);
    let mut within = if item.gene(1).chance(70) { format!(" in schema {schema}") } else { String::new() };
    let what = item.gene(2).pick(&[
        "select on tables",
        "select, insert, update on tables",
        "all on tables",
        "usage on sequences",
        "execute on functions",
        "all on types",
        "usage on schemas",
    ]);
    if what.ends_with("schemas") {
        within.clear();
    }
    let role = item.gene(4).pick(&["", "", " for role r_app"]);
    let option = item.gene(6).pick(&["", "", "", " with grant option"]);
    out.push(format!(
        "alter default privileges{role}{within} grant {what} to {}{option}",
        quoted(item.gene(3).pick(ROLES))
    ));
    match item.gene(5).below(6) {
        0 | 1 => out.push("alter default privileges revoke execute on functions from public".to_owned()),
        2 => out.push(format!("alter default privileges{role} revoke usage on types from public")),
        3 => out.push("alter default privileges revoke truncate on tables from current_user".to_owned()),
        _ => {}
    }
}
