select indrelid = 'new_home'::regclass from pg_index where indexrelid = 'name_idx'::regclass;
