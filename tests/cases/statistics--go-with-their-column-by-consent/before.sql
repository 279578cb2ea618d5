create table t (id int primary key, a int generated always as (1) stored, b int);
create statistics pair on a, b from t;
