do $$ begin create role trueup_case_reader; exception when duplicate_object then null; end $$;
create table customers (id integer primary key, name text);
alter table customers enable row level security;
create policy readers on customers for select to trueup_case_reader using (name <> '');
grant select on customers to trueup_case_reader;
grant update (name) on customers to trueup_case_reader;
insert into customers values (1, 'a');
