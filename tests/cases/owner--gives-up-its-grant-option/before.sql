do $$ begin create role trueup_case_owner; exception when duplicate_object or unique_violation then null; end $$;
create schema theirs;
alter schema theirs owner to trueup_case_owner;
grant usage, create on schema theirs to trueup_case_owner with grant option;
