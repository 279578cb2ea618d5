do $$ begin create role trueup_case_reader; exception when duplicate_object then null; end $$;
create schema app;
alter default privileges in schema app grant select on tables to trueup_case_reader;
create table app.customers (id serial primary key, name text);
insert into app.customers (name) values ('x');
create function app.f(i integer) returns text language sql as 'select name from app.customers where id = i';
