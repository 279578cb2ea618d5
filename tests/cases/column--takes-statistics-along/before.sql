create table t (a int, b int, c int);
create statistics s on a, b from t;
alter table t alter column c set statistics 7;
