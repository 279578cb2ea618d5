create type state as enum ('new', 'paid', 'done');
create table event (id int not null, state state default 'new', note int default 0) partition by list (id);
create table event_one partition of event for values in (1) partition by list (id);
create table event_one_a partition of event_one for values in (1);
insert into event values (1, 'paid', 3);
create table parent (id int, state state default 'new');
create table child () inherits (parent);
insert into child values (1, 'paid');
