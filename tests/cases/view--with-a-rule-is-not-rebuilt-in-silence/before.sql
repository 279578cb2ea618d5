create table t (id int primary key, a int);
create view v as select id, a from t;
create rule ins as on insert to v do instead insert into t (id, a) values (new.id, new.a);
insert into v values (1, 2);
