create type st as enum ('a', 'b');
create table t (id integer primary key, s st default 'b');
create function g() returns st language plpgsql as $$begin return 'b'::st; end$$;
insert into t values (1, 'b');
