-- PostgreSQL gives a virtual column no other expression where its table is published. A publication is not modelled, so it is not built anew.
create table published (a int, g int generated always as (a * 2) virtual);
create publication one for table published;
insert into published values (1);
