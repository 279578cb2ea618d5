select relrowsecurity and relforcerowsecurity from pg_class where oid = 'notes'::regclass;
