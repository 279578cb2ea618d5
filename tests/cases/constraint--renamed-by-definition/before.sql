create table t (a integer constraint positive check (a > 0));
create index by_a on t (a);
