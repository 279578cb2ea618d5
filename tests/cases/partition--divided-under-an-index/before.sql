create table event (id int not null, kind text) partition by range (id);
create index event_kind on event (kind);
