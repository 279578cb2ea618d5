create table t (a int generated always as identity);
insert into t default values;
grant usage on sequence t_a_seq to trueup_one with grant option;
set role trueup_one;
grant usage on sequence t_a_seq to trueup_two;
reset role;
grant select on sequence t_a_seq to trueup_two;
