do $$
declare role text;
begin
  foreach role in array array['anon', 'authenticated', 'service_role'] loop
    begin
      execute format('create role %I', role);
    exception when duplicate_object or unique_violation then null;
    end;
  end loop;
end $$;
alter default privileges in schema public grant all on tables to anon, authenticated;
alter default privileges in schema public grant all on functions to anon;
alter default privileges grant all on sequences to authenticated;
alter default privileges grant usage on schemas to pg_monitor;
