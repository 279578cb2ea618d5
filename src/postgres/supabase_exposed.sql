-- What a Supabase project has besides where new tables, functions and sequences of public are open to the roles of the API: the default
-- privileges. Hosted projects have not had them since 30 October 2026. Run after supabase.sql, so that nothing there is touched by them.
do $$
declare
  owner text;
  kind text;
begin
  foreach owner in array array['postgres', 'supabase_admin', current_user] loop
    foreach kind in array array['tables', 'functions', 'sequences'] loop
      begin
        execute format(
          'alter default privileges for role %I in schema public grant all on %s to postgres, anon, authenticated, service_role',
          owner, kind);
      exception
        when insufficient_privilege then null;
      end;
    end loop;
  end loop;
end
$$;
