select conindid::regclass::text = 't_id_key' from pg_constraint where contype = 'f';
