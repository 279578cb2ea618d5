create schema a;
create schema old;
create table a.t (id serial primary key, x integer);
create index t_x_idx on a.t (x);
comment on table a.t is 'kept';
create view a.v as select id from a.t;
create view old.w as select 1 as one;
insert into a.t (x) values (1), (2);
