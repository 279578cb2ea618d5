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
alter default privileges in schema public grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to postgres, anon, authenticated, service_role;
