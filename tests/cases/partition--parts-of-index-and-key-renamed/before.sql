create table event (id int primary key, kind text) partition by list (id);
create table event_1 partition of event for values in (1);
create index event_kind on event (kind);
comment on index event_1_kind_idx is 'the part';
create table rest (oid oid);
insert into rest select indexrelid from pg_index where indrelid = 'event_1'::regclass;
