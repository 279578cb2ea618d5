create table t (id int primary key, a int, b text);
create table u (id int, r t, rs t[]);
insert into t values (1, 10, 'x'), (2, 20, 'y');
insert into u values (1, row(1, 10, 'x')::t, array[row(2, 20, 'y')::t]);
-- What holds no rows of its own is made again.
create table price (id int primary key, cents int, tax int generated always as (cents / 5) stored);
create view shown as select price from price;
create materialized view kept as select price from price;
create materialized view listed as select array_agg(price) as all_prices from shown;
create materialized view counted as select count(*) from price;
comment on materialized view kept is 'as they were';
insert into price values (1, 500);
-- What holds them no more goes first, and what is to hold them comes afterwards.
create table place (x int, y int);
create table line (id int, was place);
insert into line values (1, row(1, 2)::place);
insert into place values (1, 2);
