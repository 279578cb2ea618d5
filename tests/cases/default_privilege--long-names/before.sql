do $$ begin create role a_grantee_with_a_long_name; exception when duplicate_object or unique_violation then null; end $$;
create schema a_schema_with_a_name_of_some_length;
alter default privileges in schema a_schema_with_a_name_of_some_length grant select on tables to a_grantee_with_a_long_name;
