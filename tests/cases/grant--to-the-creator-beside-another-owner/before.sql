do $$ begin create role trueup_case_owner; exception when duplicate_object or unique_violation then null; end $$;
create table there (id serial, n int generated always as identity, note text);
