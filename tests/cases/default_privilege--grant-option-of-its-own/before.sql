do $$ begin create role trueup_case_owner; exception when duplicate_object or unique_violation then null; end $$;
