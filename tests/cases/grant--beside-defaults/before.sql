do $$ begin create role trueup_case_stranger; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role trueup_case_service; exception when duplicate_object or unique_violation then null; end $$;
alter default privileges in schema public grant select, insert on tables to trueup_case_stranger, trueup_case_service;
