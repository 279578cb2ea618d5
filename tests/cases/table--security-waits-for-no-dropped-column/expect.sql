select relrowsecurity from pg_class where oid = 't'::regclass;
