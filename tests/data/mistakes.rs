//! What is wrong: one clear error at its place, nothing lost, and after mending it goes on.

use super::support::servers::{Server, describe, run as execute, server};
use super::support::trueup::{FINE, trueup};
use super::{Project, apply, in_parallel, loaded, on, one};

/// A mistake and what mends it.
struct Mistake {
    what: &'static str,
    /// The database.
    before: &'static str,
    /// The project with the mistake.
    yaml: &'static str,
    /// The place and words of the error.
    says: &'static [&'static str],
    /// Whether `check` finds it, without a database.
    checked: bool,
    /// What mends it: SQL for the database.
    mend: &'static str,
    /// What mends it: from, to in the project.
    change: (&'static str, &'static str),
    /// True in the end.
    then: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        what: "an invariant that is no query",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: delete from t\n    remedy: update t set v = 1 where v is null\n",
        says: &["schema.yaml:5:17", "query"],
        checked: true,
        mend: "",
        change: ("delete from t", "select id from t where v is null"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "an invariant that does not parse",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: select id form t where v is null\n    remedy: update t set v = 1 where v is null\n",
        says: &["schema.yaml:5:", "syntax"],
        checked: true,
        mend: "",
        change: ("form", "from"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "an invariant that always returns a row",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: select count(*) from t where v is null\n    remedy: update t set v = 1 where v is null\n",
        says: &["always-violated", "schema.yaml:5:17", "HAVING"],
        checked: true,
        mend: "",
        change: ("select count(*)", "select id"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "an invariant that names a column that is nowhere",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int, w: int}}\ninvariants:\n  filled:\n    violations: select id from t where vv is null\n    remedy: update t set v = 1 where v is null\n",
        says: &["schema.yaml:5:40", "vv"],
        checked: true,
        mend: "",
        change: ("vv is", "v is"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "an invariant that the server refuses while the schema is as declared",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: select id from t where v = 'none'\n    remedy: update t set v = 1 where v is null\n",
        says: &["schema.yaml:4:3", "invalid input syntax", "not going to change"],
        checked: false,
        mend: "",
        change: ("v = 'none'", "v is null"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "a remedy that fails",
        before: "create table t (id int primary key, v int constraint t_v_key unique); insert into t values (1, null), (2, 5)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int unique}}\ninvariants:\n  filled:\n    violations: select id from t where v is null\n    remedy: update t set v = 5 where v is null\n",
        says: &["schema.yaml:6:13", "duplicate key value"],
        checked: false,
        mend: "",
        change: ("v = 5", "v = 6"),
        then: "select count(*) = 2 and bool_and(v in (5, 6)) from t",
    },
    Mistake {
        what: "a batch key that is not unique",
        before: "create table t (id int primary key, v int, k int not null default 7); insert into t values (1, null), (2, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int, k: int not null default 7}}\ninvariants:\n  filled:\n    violations: select id from t where v is null\n    remedy:\n      batch: {table: t, by: k, rows: 1}\n      sql: update t set v = 1 where v is null\n",
        says: &["batch-key", "schema.yaml:7:29", "(k) is not unique in table public.t", "(id) is unique"],
        checked: false,
        mend: "",
        change: ("by: k", "by: id"),
        then: "select count(*) = 2 from t where v = 1",
    },
    Mistake {
        what: "a batch key that may be NULL",
        before: "create table t (id int primary key, v int, k int unique); insert into t values (1, null), (2, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int, k: int unique}}\ninvariants:\n  filled:\n    violations: select id from t where v is null\n    remedy:\n      batch: {table: t, by: k}\n      sql: update t set v = 1 where v is null\n",
        says: &["batch-key", "schema.yaml:7:29", "may be NULL"],
        checked: false,
        mend: "",
        change: (", by: k", ""),
        then: "select count(*) = 2 from t where v = 1",
    },
    Mistake {
        what: "a batch key that is no column",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: select id from t where v is null\n    remedy:\n      batch: {table: t, by: [id, idd]}\n      sql: update t set v = 1 where v is null\n",
        says: &["batch-key", "schema.yaml:7:29", "no column idd", "did you mean `id`"],
        checked: false,
        mend: "",
        change: ("[id, idd]", "id"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "a table without a key",
        before: "create table t (v int, w int); insert into t values (null, 1), (null, 1)",
        yaml: "tables:\n  t: {columns: {v: {type: int, backfill: w}, w: int}}\n",
        says: &["batch-key", "schema.yaml:2:42", "no primary key", "rows: all"],
        checked: false,
        mend: "",
        change: ("backfill: w", "backfill: {set: w, rows: all}"),
        then: "select count(*) = 2 from t where v = 1",
    },
    Mistake {
        what: "rows that a backfill leaves NULL",
        before: "create table t (id int primary key, w int); insert into t values (1, 1), (2, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, w: int, v: {type: int, not_null: true, backfill: w}}}\n",
        says: &["rows-violate", "schema.yaml:2:87", "(2,,)", "leaves rows without a value"],
        checked: false,
        mend: "update t set w = 2 where w is null",
        change: ("", ""),
        then: "select count(*) = 2 and bool_and(v = w) from t",
    },
    Mistake {
        what: "rows that a backfill left NULL in an earlier run",
        before: "create table t (id int primary key, w int, v int); insert into t values (1, 1, 1), (2, null, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, w: int, v: {type: int, not_null: true, backfill: w}}}\n",
        says: &["rows-violate", "schema.yaml:2:87", "(2,,)"],
        checked: false,
        mend: "",
        change: ("backfill: w", "backfill: \"coalesce(w, 0)\""),
        then: "select count(*) = 2 and bool_and(v = coalesce(w, 0)) from t",
    },
    Mistake {
        what: "a requires that names nothing",
        before: "create table t (id int primary key, old int); insert into t values (1, 7)",
        yaml: "tables:\n  t: {columns: {id: int primary key}}\ninvariants:\n  all moved: select id from t where id is null\nretired:\n  columns:\n    t.old:\n      requires:\n        - all move\n",
        says: &["unknown-invariant", "schema.yaml:9:11", "did you mean `all moved`"],
        checked: true,
        mend: "",
        change: ("- all move\n", "- all moved\n"),
        then: "select count(*) = 1 from pg_attribute where attrelid = 't'::regclass and attnum > 0 and not attisdropped",
    },
    Mistake {
        what: "what is retired while an invariant does not hold",
        before: "create table t (id int primary key, moved bool, old int); insert into t values (1, false, 7), (2, true, 8)",
        yaml: "tables:\n  t: {columns: {id: int primary key, moved: bool}}\ninvariants:\n  all moved: select id from t where not moved\nretired:\n  columns:\n    t.old: {requires: [all moved]}\n",
        says: &["rows-violate", "schema.yaml:4:3", "(1)"],
        checked: false,
        mend: "update t set moved = true",
        change: ("", ""),
        then: "select count(*) = 2 from pg_attribute where attrelid = 't'::regclass and attnum > 0 and not attisdropped",
    },
    Mistake {
        what: "an archive that is there already",
        before: "create table t (id int primary key); create table old (id int primary key); insert into old values (1); create schema archive;
                 do $$ begin execute format('create view archive.%I as select 1 as a', 'old_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')); end $$",
        yaml: "tables:\n  t: {columns: {id: int primary key}}\nretired:\n  tables:\n    old: {archive: archive}\n",
        says: &["archive-exists", "schema.yaml:5:5", "archive.old_"],
        checked: false,
        mend: "do $$ begin execute format('drop view archive.%I', 'old_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')); end $$",
        change: ("", ""),
        then: "select count(*) = 1 from pg_class where relnamespace = 'archive'::regnamespace and relkind = 'r'",
    },
    Mistake {
        what: "an archive that has the name of an index already",
        before: "create table t (id int primary key); create table old (id int primary key); insert into old values (1); create schema archive;
                 create table archive.old_20200101 (id int constraint old_pkey primary key)",
        yaml: "tables:\n  t: {columns: {id: int primary key}}\nretired:\n  tables:\n    old: {archive: archive}\n",
        says: &["archive-exists", "schema.yaml:5:5", "archive.old_pkey", "takes its indexes"],
        checked: false,
        mend: "alter index archive.old_pkey rename to old_20200101_pkey",
        change: ("", ""),
        then: "select count(*) = 2 from pg_class where relnamespace = 'archive'::regnamespace and relkind = 'r'",
    },
    Mistake {
        what: "a remedy that MERGEs in batches",
        before: "create table t (id int primary key, v int); insert into t values (1, null)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\ninvariants:\n  filled:\n    violations: select id from t where v is null\n    remedy:\n      batch: {table: t}\n      sql: merge into t using t s on s.id = t.id when matched then update set v = 1\n",
        says: &["schema.yaml:8:12", "MERGE"],
        checked: false,
        mend: "",
        change: ("merge into t using t s on s.id = t.id when matched then update set v = 1", "update t set v = 1"),
        then: "select v = 1 from t",
    },
    Mistake {
        what: "a batch of a statement that groups",
        before: "create table t (id int primary key, v int); create table s (v int primary key, n int); insert into t values (1, 1), (2, 1)",
        yaml: "tables:\n  t: {columns: {id: int primary key, v: int}}\n  s: {columns: {v: int primary key, n: int}}\ninvariants:\n  counted:\n    violations: select v from t except select v from s\n    remedy:\n      batch: {table: t}\n      sql: insert into s select v, count(*) from t group by v\n",
        says: &["schema.yaml:9:12", "GROUP looks at all rows"],
        checked: false,
        mend: "",
        change: ("batch: {table: t}\n      sql:", "sql:"),
        then: "select n = 2 from s",
    },
];

#[test]
fn a_mistake_is_one_clear_error_and_loses_nothing() {
    let Some(server) = server() else { return };
    let wrong: Vec<String> = in_parallel(MISTAKES, |_, mistake| try_mistake(server, mistake))
        .into_iter()
        .zip(MISTAKES)
        .filter_map(|(result, mistake)| result.err().map(|why| format!("{}: {why}", mistake.what)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn try_mistake(server: &Server, mistake: &Mistake) -> Result<(), String> {
    let database = loaded(server, mistake.before);
    let project = Project::new(mistake.yaml);
    let rows = database.row_counts();
    let checked = trueup(&["check", "--to", &project.path()]);
    if mistake.checked && checked.status != 1 {
        return Err(format!("check does not find it: {}", checked.report()));
    }
    for _ in 0..2 {
        let run = apply(&database, &project.path(), &["--allow", "data-loss"]);
        if run.status != 1 || run.stderr.matches("error[").count() != 1 {
            return Err(format!("one error is expected, exit 1: {} {}", run.status, run.stderr));
        }
        if let Some(missing) = mistake.says.iter().find(|words| !run.stderr.contains(**words)) {
            return Err(format!("it does not say `{missing}`: {}", run.stderr));
        }
    }
    let now = database.row_counts();
    if rows.iter().any(|(table, n)| now.get(table) != Some(n)) {
        return Err(format!("rows were lost: {now:?}, {rows:?}"));
    }
    if !mistake.mend.is_empty() {
        execute(&database.url, mistake.mend).map_err(|e| describe(&e))?;
    }
    let (from, to) = mistake.change;
    if !from.is_empty() {
        assert!(mistake.yaml.contains(from), "{from}");
        project.write(&mistake.yaml.replace(from, to));
    }
    for (words, status) in
        [(&["apply", "--yes", "--allow", "data-loss"][..], FINE), (&["verify"], FINE), (&["diff"], FINE)]
    {
        let run = on(&database, &project.path(), words);
        if run.status != status {
            return Err(format!("after mending: {}", run.report()));
        }
    }
    let then = database.rows(mistake.then)?;
    if then != [[Some("t".to_owned())]] {
        return Err(format!("after mending, not so: {} {then:?}", mistake.then));
    }
    if one(&database, "select to_regclass('trueup.history') is null") != "t" {
        return Err("a record of steps is left".to_owned());
    }
    Ok(())
}

#[test]
fn a_test_on_a_table_that_is_not_there_says_where() {
    let project = Project::new(
        "tables:
  t: {columns: {id: int primary key}}
tests:
  rows are seen:
    given:
      tt: [{id: 1}]
    expect:
      - {select: t, sees: [\"1\"]}
",
    );
    // Without a server.
    let run = trueup(&["check", "--to", &project.path()]);
    assert_eq!(run.status, 1, "{}", run.report());
    let said = ["unknown-table", "schema.yaml:6:7", "public.tt, which is not declared", "did you mean `t`"];
    assert!(said.iter().all(|words| run.stderr.contains(words)), "{}", run.stderr);
    let Some(server) = server() else { return };
    let scratch = server.scratch();
    let run = trueup(&["test", "--to", &project.path(), "--ephemeral", &scratch]);
    assert_eq!(run.status, 1, "{}", run.report());
    assert!(run.stderr.contains("schema.yaml:6:7") && run.stderr.contains("tt"), "{}", run.stderr);
    // All of it at once, columns too, each at its place.
    project.write(
        "tables:
  t: {columns: {id: int primary key}}
tests:
  rows are seen:
    given:
      t: [{idd: 1}]
    expect:
      - {select: nowhere, sees: []}
      - {update: t, set: {v: 1}, where: {id: 1}, rows: 1}
",
    );
    let run = trueup(&["check", "--to", &project.path()]);
    assert_eq!(run.stderr.matches("error[").count(), 3, "{}", run.stderr);
    let said =
        ["schema.yaml:6:7", "no column idd", "schema.yaml:8:9", "public.nowhere", "schema.yaml:9:9", "no column v"];
    assert!(said.iter().all(|words| run.stderr.contains(words)), "{}", run.stderr);
}
