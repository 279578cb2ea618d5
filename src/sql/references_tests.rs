use super::*;

fn names(list: &[NameRef]) -> String {
    let show = |n: &NameRef| n.schema.as_ref().map_or_else(|| n.name.clone(), |s| format!("{s}.{}", n.name));
    list.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn columns(found: &References) -> String {
    found.columns.iter().map(|c| c.parts.join(".")).collect::<Vec<_>>().join(" ")
}

fn of(sql: &str) -> References {
    references_of_statement(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Every offset points at the name.
fn check_offsets(sql: &str, found: &References) {
    for name in found.relations.iter().chain(&found.functions) {
        if let Some(at) = name.offset {
            let first = name.schema.as_ref().unwrap_or(&name.name);
            let text = sql[at..].to_lowercase();
            assert!(
                text.starts_with(first.as_str()) || text.starts_with('"') || first == "pg_catalog",
                "{name:?} in {sql}"
            );
        }
    }
}

#[test]
fn relations_are_found_wherever_they_stand() {
    for (sql, relations) in [
        ("select * from a join s.b using (x) where exists (select 1 from c)", "a s.b c"),
        ("with x as (select * from a), y as (select * from x) select * from y, b", "a b"),
        ("with recursive x as (select 1 union select * from x) select * from x join z on true", "z"),
        ("with x as (select * from x) select * from x", "x"),
        ("select (with q as (select 1) select * from q), (select * from q)", "q"),
        ("with x as (select 1) select * from s.x", "s.x"),
        (
            "select count(*) filter (where exists (select 1 from f)), sum(a) over (partition by (select 1 from o) order by (select 1 from p))",
            "f o p",
        ),
        (
            "select array(select 1 from a), array[(select 1 from b)], row((select 1 from c)), coalesce((select 1 from d))",
            "a b c d",
        ),
        (
            "select xmlelement(name x, (select 1 from a)), json_object('k': (select 1 from b)), json_array(select 1 from c)",
            "a b c",
        ),
        ("select * from json_table('{}', '$' columns (a int path '$' default (select 1 from x) on empty))", "x"),
        (
            "select case when (select true from a) then (select 1 from b) else (select 1 from c) end between (select 1 from d) and 2",
            "a b c d",
        ),
        (
            "select * from a tablesample bernoulli ((select 1 from b)), lateral (select * from c) l, rows from (f((select 1 from d))) r",
            "a b c d",
        ),
        (
            "select 1 group by grouping sets (((select 1 from a))) having (select true from b) limit (select 1 from c) offset (select 1 from d)",
            "a b c d",
        ),
        (
            "select x[(select 1 from a):2], (select r from b).f, (select 1 from c)::int, - (select 1 from d) collate \"C\"",
            "a b c d",
        ),
        (
            "select * from a window w as (order by (select 1 from b)) order by (select 1 from c) for update of a",
            "b a c a",
        ),
        ("create policy p on t to r using (exists (select 1 from a)) with check ((select true from b))", "t a b"),
        (
            "create table t (a int default (select 1 from d), check ((select true from c)), b int references f (id)) inherits (p)",
            "d c f p",
        ),
        ("create table t partition of p default", "p"),
        ("create table t (like l including all)", "l"),
        ("create trigger x before insert on t for each row when ((select true from w)) execute function f()", "t w"),
        ("create function f() returns int begin atomic select 1 from a; insert into b select * from c; end", "a b c"),
        ("create function f() returns int return (select 1 from a)", "a"),
        ("create function f() returns int language sql as 'select 1 from a'", "a"),
        (
            "create rule r as on insert to t where (select true from w) do instead (insert into a values (1); delete from b)",
            "t w a b",
        ),
        ("create view v as select * from a", "a"),
        ("create materialized view v as select * from a", "a"),
        ("create index i on t (((select 1 from a))) where (select true from b)", "t a b"),
        ("alter table only s.t add constraint c foreign key (a) references u (b)", "s.t u"),
        (
            "insert into t select 1 from a on conflict (x) do update set a = (select 1 from b) where (select true from c) returning (select 1 from d)",
            "t a b c d",
        ),
        ("update t set (a, b) = (select 1, 2 from x) from y where z", "t x y"),
        (
            "merge into t using s on true when matched and (select true from a) then update set a = (select 1 from b)",
            "t s a b",
        ),
        ("do $$ begin perform 1 from a; end $$", "a"),
        ("prepare p as select 1 from a", "a"),
        ("copy (select 1 from a) to stdout", "a"),
        ("create statistics st on a, b from t", "t"),
        ("alter publication p add table t where (x > 1)", "t"),
        ("comment on column s.t.c is 'x'", "s.t"),
        ("drop table if exists a, s.b", "a s.b"),
        ("create domain d as int check (value > (select 1 from a))", "a"),
        ("call p((select 1 from a))", "a"),
        ("explain select 1 from a", "a"),
        ("grant select on s.t to r", "s.t"),
    ] {
        let found = of(sql);
        let mut given: Vec<_> = found.relations.iter().map(|n| names(std::slice::from_ref(n))).collect();
        let mut wanted: Vec<_> = relations.split_whitespace().collect();
        given.sort();
        wanted.sort_unstable();
        assert_eq!(given, wanted, "{sql}");
        check_offsets(sql, &found);
    }
}

#[test]
fn other_names_are_found() {
    let found = of(
        "select s.f(a.x, 'v'::public.mood), b.*, nextval('s.\"Q\"'), 'u.t'::regclass, 'g(int)'::regprocedure, 'm'::regtype from a \
                    where x operator(o.===) y order by x collate s.\"de\" using <",
    );
    assert_eq!(names(&found.functions), "s.f nextval g");
    assert_eq!(names(&found.types), "public.mood regclass regprocedure m regtype");
    assert_eq!(columns(&found), "a.x b.* x y x");
    assert_eq!(names(&found.regclass), "s.Q u.t");
    assert_eq!(names(&found.operators), "o.=== <");
    assert_eq!(names(&found.collations), "s.de");
    assert_eq!(found.columns[0].offset, Some(11));

    assert_eq!(names(&of("create table t (a int default nextval('s'::regclass))").regclass), "s");
    assert_eq!(names(&of("create trigger x before insert on t execute function s.f()").functions), "s.f");
    assert_eq!(names(&of("create aggregate a (int) (sfunc = s.f, stype = int)").functions), "s.f pg_catalog.int4");
    assert_eq!(names(&of("create cast (a as b) with function s.f(a)").functions), "s.f");
    assert_eq!(names(&of("create operator === (leftarg = a, rightarg = b, procedure = f)").functions), "a b f");
    assert_eq!(of("create policy p on t to alice, public using (true)").roles, ["alice"]);
    assert_eq!(names(&of("create table s.t (a s.d[])").types), "s.d");
    assert_eq!(names(&of("create table s.t (a s.d[])").defines), "s.t");
    let index = of("create index i on t (a s.my_ops, lower(b) collate \"C\")");
    assert_eq!((names(&index.operator_classes), names(&index.collations)), ("s.my_ops".into(), "C".into()));
    assert_eq!(columns(&index), "a b");
    assert_eq!(
        names(&of("comment on table s.t is 'x'; drop view a, s.b; drop trigger x on s.u").relations),
        "s.t a s.b s.u"
    );
}

#[test]
fn fragments_have_their_own_offsets() {
    let found = references_of_expression("a = (select auth.uid())").expect("expression");
    assert_eq!((found.columns[0].offset, found.functions[0].offset), (Some(0), Some(12)));
    let found = references_of_type("setof s.t").expect("type");
    assert_eq!((names(&found.types), found.types[0].offset, found.functions.len()), ("s.t".into(), Some(6), 0));
    let found = references_of_type("s.t.a%type").expect("type");
    assert_eq!(names(&found.relations), "s.t");
    assert!(references_of_expression("a; drop table b").is_err());
    for text in [
        "numeric(10, 2)",
        "uuid",
        "integer",
        "INT",
        "bigint[]",
        "smallint",
        "boolean",
        "decimal",
        "real",
        "double precision",
        "character varying(3)",
        "char(3)",
        "character",
        "timestamp",
        "time",
        "timestamp without time zone",
        "time with time zone",
        "time without time zone",
        "interval",
        "bit(3)",
        "bit varying",
        "s.t[3]",
        "varchar(3)",
        "timestamp with time zone",
    ] {
        let fast = References { types: vec![plain_type(text).expect(text)], ..References::default() };
        let mut slow = wrapped("create function f() returns ", text, "language sql", "type").expect(text);
        slow.defines.clear();
        assert_eq!(fast, slow, "{text}");
    }
    assert_eq!(names(&references_by_words("select 1 from s.a where x y z ??").relations), "s.a");
    assert!(references_of_type("int stable").is_ok(), "guesses are lenient");
    assert!(references_of_query("select 1 fro m x").is_err());
}

#[test]
fn bodies_are_read() {
    let body = "declare
          x public.t0.a%type := nextval('q'); r s.mood; w t00%rowtype; c cursor (k int) for select * from k; v record; z constant int not null default d(1);
        begin
          select a, b into strict x, r.f from s.t1 where b = f2(x);
          x := (select 1 from t2) + g(1); arr[i1(1)] = i2(2); new.total := i3(3);
          update t3 set a = new.b where id = x;
          <<lbl>>
          if exists (select 1 from t4) and case when h0() then true end then perform h(1) from t41; elsif h2() then null; else call h3(); end if;
          for r in select * from t5 where a in (1, 2) loop
            return query select 1 from t6;
          end loop;
          for i in reverse j(1)..j2() by 2 loop insert into t7 (a) select 1 from t71 returning id into x; end loop;
          foreach y in array arr(1) loop continue lbl when cw(); end loop;
          case k1(x) when k2(1) then delete from t8; else raise exception 'a %', k3(1) using hint = k4(2), errcode = 'x'; end case;
          execute format('select %I', k5()) into x using k6(1), k7();
          return query execute k8();
          open c for select 1 from t9;
          open c2(k9());
          while wh(1) loop exit; end loop;
          create temp table tt as select * from t10;
          begin
            lock table t11;
          exception when unique_violation or others then insert into t12 values (1);
          end;
          return next; return rr(1);
        end";
    let found = references_of_routine_body("plpgsql", body);
    check_offsets(body, &found);
    let mut relations: Vec<_> = found.relations.iter().map(|n| n.name.as_str()).collect();
    relations.sort_unstable();
    assert_eq!(
        relations,
        ["k", "t0", "t00", "t1", "t10", "t11", "t12", "t2", "t3", "t4", "t41", "t5", "t6", "t7", "t71", "t8", "t9"]
    );
    let mut functions: Vec<_> = found.functions.iter().map(|n| n.name.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    assert_eq!(
        functions,
        [
            "arr", "cw", "d", "f2", "format", "g", "h", "h0", "h2", "h3", "i2", "i3", "j", "j2", "k1", "k2", "k3",
            "k4", "k5", "k6", "k7", "k8", "k9", "nextval", "rr", "wh"
        ]
    );
    assert!(names(&found.types).contains("s.mood"));
    assert_eq!(names(&found.regclass), "q");

    let found =
        references_of_routine_body("plpgsql", "#variable_conflict use_column\nbegin return query select 1 from a; end");
    assert_eq!((names(&found.relations), found.columns.len()), ("a".into(), 0));
    let found = references_of_routine_body("SQL", "select 1 from a; select g(1)");
    assert_eq!((names(&found.relations), names(&found.functions)), ("a".into(), "g".into()));
    let found = references_of_routine_body("sql", "begin atomic select 1 from a; end");
    assert_eq!((names(&found.relations), found.relations[0].offset), ("a".into(), Some(27)));
    assert_eq!(references_of_routine_body("plv8", "select 1 from a"), References::default());
    // What does not parse is searched by its words; nothing is an error.
    let found = references_of_routine_body("plpgsql", "begin selec 1 from s.a where f(1) ?? ; end");
    assert_eq!((names(&found.relations), names(&found.functions)), ("s.a".into(), "f".into()));
    for body in [
        "",
        "begin",
        "end",
        "'",
        "((((",
        ";;;;",
        "begin if",
        "declare",
        "declare x",
        "for",
        "raise",
        "<<",
        "case",
        "begin exception when",
        "return query",
    ] {
        references_of_routine_body("plpgsql", body);
        references_of_routine_body("sql", body);
    }
}

#[test]
fn it_is_fast_enough() {
    let sql = "create policy p on t to authenticated using (exists (select 1 from members m where m.org_id = t.org_id and m.user_id = (select auth.uid())))";
    let started = std::time::Instant::now();
    for _ in 0..500 {
        of(sql);
    }
    // 5,000 a second in an optimized build; a test build is many times slower.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
