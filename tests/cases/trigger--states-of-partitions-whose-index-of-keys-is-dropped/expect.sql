select string_agg(tgrelid::regclass || ' ' || tgenabled::text, ', ' order by tgrelid::regclass::text) = 'p O, p1 D, p2 O, p21 A' from pg_trigger;
