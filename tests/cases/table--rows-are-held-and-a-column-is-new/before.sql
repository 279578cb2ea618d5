create table t (a int);
create table u (r t);
insert into t values (1);
insert into u select t from t;
