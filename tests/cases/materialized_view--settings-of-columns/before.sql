create table t (a int, b text, c text);
create materialized view m as select a, b, c from t;
alter materialized view m alter column a set statistics 7, alter column b set storage main, alter column b set compression pglz, alter column a set (n_distinct = 4), alter column c set storage external;
