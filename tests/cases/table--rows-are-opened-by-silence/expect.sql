select not relrowsecurity and not relforcerowsecurity from pg_class where oid in ('notes'::regclass, 'open'::regclass);
