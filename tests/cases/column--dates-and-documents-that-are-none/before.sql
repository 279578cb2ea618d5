create table t (d text, j text);
insert into t values ('2020-31-01', '{'), ('2020-02-29', '{}');
