create table t (id integer primary key, a integer, b integer not null);
insert into t values (1, 1, 1), (2, -1, 2);
alter table t add constraint t_a_positive__trueup_new check (a > 0) not valid;
alter table t add constraint trueup_a_not_null check (a is not null) not valid;
create index t_b_idx__trueup_new on t (b);
update t set a = 1 where id = 1;
