create table event (id int constraint event_has_id not null, at int) partition by range (id);
create table event_low (id int not null, at int);
insert into event_low values (1, 1);
