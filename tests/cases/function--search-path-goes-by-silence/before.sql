create function taken() returns int language sql security definer set search_path = '' as 'select 1';
create function another_result() returns int language sql security definer set search_path = pg_catalog as 'select 1';
create function another_setting() returns int language sql security definer set search_path = '' set work_mem = '1MB' as 'select 1';
create function of_its_caller() returns int language sql set search_path = '' as 'select 1';
create procedure done() language sql security definer set search_path = '' as 'select 1';
create table t (a int);
create view positive as select a from t where a > 0 with local check option;
create view kept as select a from t where a > 0 with cascaded check option;
