create table base (created_at date, e integer);
create table heir (a integer) inherits (base);
insert into heir values ('2024-01-01', 7, 1);
