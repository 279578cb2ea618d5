create type st as enum ('a', 'b');
create table t (id integer primary key, s st);
insert into t values (1, 'a');
create function f(x st) returns text language plpgsql as $$begin if x = 'a'::st then return 'a'; end if; return ''; end$$;
