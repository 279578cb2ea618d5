create table t (id int primary key, full_name text not null);
insert into t select i, 'First' || i || ' Last' || i from generate_series(1, 20) i;
create view v as select id, full_name from t;
