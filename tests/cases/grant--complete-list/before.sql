do $$ begin create role trueup_case_stranger; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role trueup_case_service; exception when duplicate_object or unique_violation then null; end $$;
alter default privileges in schema public grant all on tables to trueup_case_stranger, trueup_case_service;
alter default privileges in schema public grant execute on functions to trueup_case_stranger, trueup_case_service;
alter default privileges in schema public grant usage on types to trueup_case_stranger;
create table old (id int primary key, note text);
grant update (note) on old to trueup_case_stranger;
grant select on old to public;
create function old_probe() returns int language sql as 'select 1';
