create table event (id int not null, kind text) partition by range (id);
create table event_low partition of event for values from (0) to (10);
alter table event_low alter kind set statistics 500;
