create table t (a int);
insert into t values (1);
grant select, update on t to trueup_one with grant option;
set role trueup_one;
grant select on t to trueup_two;
grant update (a) on t to trueup_two;
reset role;
grant insert on t to trueup_two;
