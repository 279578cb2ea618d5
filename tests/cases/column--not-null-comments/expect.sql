select obj_description(oid, 'pg_constraint') = 'a' from pg_constraint where conname = 'renamed';
select obj_description(oid, 'pg_constraint') = 'b''s' from pg_constraint where conname = 'nn B';
select obj_description(oid, 'pg_constraint') = 'c' from pg_constraint where conname = 'c_nn';
select obj_description(oid, 'pg_constraint') = 'd' from pg_constraint where conname = 't_d_not_null';
select obj_description(oid, 'pg_constraint') = 'of the part' from pg_constraint where conname = 'par_x_not_null' and conrelid = 'par1'::regclass;
select obj_description(oid, 'pg_constraint') = 'late' from pg_constraint where conname = 'par_y_not_null' and conrelid = 'par'::regclass;
select obj_description(oid, 'pg_constraint') = 'part''s' from pg_constraint where conrelid = 'par1'::regclass and conname = 'par_y_not_null';
select obj_description(oid, 'pg_constraint') = 'inherited still' from pg_constraint where conrelid = 'inh1'::regclass;
select obj_description(oid, 'pg_constraint') = 'and now' from pg_constraint where conname = 'has_value';
