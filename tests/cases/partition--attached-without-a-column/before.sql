create table event (id int not null, kind text) partition by range (id);
create table event_old (id int not null, kind text, note text);
insert into event_old values (1, 'a', 'b');
