create table event (id int not null) partition by range (id);
create table event_one partition of event for values from (0) to (10);
insert into event values (1);
