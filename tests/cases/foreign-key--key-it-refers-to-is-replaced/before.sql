create table t (id int primary key, u uuid not null default gen_random_uuid());
insert into t select i from generate_series(1, 20) i;
create table r (t_id int references t);
insert into r values (1);
