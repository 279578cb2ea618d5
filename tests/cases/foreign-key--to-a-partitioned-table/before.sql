create table account (id int primary key) partition by range (id);
create table account_low partition of account for values from (0) to (10);
create table account_high partition of account for values from (10) to (20);
create table payment (id int primary key, account int);
insert into account values (1), (11);
insert into payment values (1, 1), (2, 11);
