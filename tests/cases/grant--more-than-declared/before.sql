do $$ begin create role trueup_case_reader; exception when duplicate_object or unique_violation then null; end $$;
create table t (id integer primary key, a integer);
grant select, insert, delete on t to trueup_case_reader;
create function f() returns int language sql as 'select 1';
