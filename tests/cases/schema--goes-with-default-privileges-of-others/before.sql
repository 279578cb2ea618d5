create schema gone;
create table gone.t (a int);
create schema left_alone;
alter default privileges in schema gone grant select on tables to pg_monitor;
alter default privileges in schema left_alone grant select on tables to pg_monitor;
