create table event (id int not null, old xml, kind text) partition by range (id);
create table event_1 partition of event for values from (0) to (10);
insert into event values (1, null, 'a');
