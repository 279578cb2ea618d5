create table t (id integer primary key, state text);
create view v as select id, state from t;
create view w as select state, count(*) as n from v group by state;
create materialized view m as select state from t;
comment on view v is 'kept';
insert into t values (1, 'a');
