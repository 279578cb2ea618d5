select obj_description('"T t_pkey"'::regclass) = 'one''s index';
select obj_description('"A b"'::regclass) = 'two';
select obj_description('"T t_r_excl"'::regclass) = 'three';
select obj_description('"T t_id_seq"'::regclass) = 'counts on';
select obj_description('other'::regclass) = 'stays';
select obj_description('plain_id_seq'::regclass) = 'new';
select obj_description(oid, 'pg_constraint') is null from pg_constraint where conname = 'ct';
select obj_description(oid, 'pg_constraint') is null from pg_constraint where conname = 'T t_pkey';
