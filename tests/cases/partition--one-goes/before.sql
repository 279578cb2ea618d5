create table event (id int not null, at date not null) partition by range (at);
create table event_1 partition of event for values from ('2025-01-01') to ('2026-01-01');
create table event_2 partition of event for values from ('2026-01-01') to ('2027-01-01');
insert into event values (2, '2026-05-05');
