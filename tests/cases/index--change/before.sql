create table events (id bigint primary key, kind text not null, at timestamptz not null);
create index events_kind_idx on events (kind);
create index events_at_idx on events (at);
insert into events values (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02');
