create type kind as enum ('a','b');
create table events (
  id bigint not null,
  tenant int not null,
  at timestamptz not null default now(),
  kind kind not null default 'a',
  payload jsonb,
  big text,
  day date generated always as ((at at time zone 'UTC')::date) stored,
  check (tenant > 0),
  constraint named check (payload is null or jsonb_typeof(payload) = 'object'),
  unique (tenant, at, id, kind)
) partition by range (at);
alter table events alter big set storage external;
create table events_2025 partition of events for values from ('2025-01-01 00:00:00+00') to ('2026-01-01 00:00:00+00') partition by list (kind);
create table events_2025_a partition of events_2025 for values in ('a') partition by hash (tenant);
create table events_2025_a_0 partition of events_2025_a for values with (modulus 2, remainder 0) with (fillfactor = 70);
create table events_2025_a_1 partition of events_2025_a for values with (modulus 2, remainder 1);
create table events_2025_rest partition of events_2025 default;
create schema parts;
-- another column order, columns dropped
create table parts.events_2026 (dropped int, payload jsonb default '{}' , big text, day date generated always as ((at at time zone 'UTC')::date) stored, kind kind not null default 'b', at timestamptz not null, tenant int not null, id bigint not null default 5, constraint named check (payload is null or jsonb_typeof(payload) = 'object'), constraint events_tenant_check check (tenant > 0), constraint own check (id > 0), unique (id));
alter table parts.events_2026 drop column dropped;
alter table events attach partition parts.events_2026 for values from ('2026-01-01 00:00:00+00') to (maxvalue);
create table events_default partition of events default;
create index events_kind_idx on events (kind, at desc);
create index events_payload_idx on events using gin (payload jsonb_path_ops) with (fastupdate = off);
create index own_idx on parts.events_2026 (big) where big is not null;
alter index events_kind_idx rename to events_by_kind;
create index on parts.events_2026 (day);
alter table parts.events_2026 alter column tenant set statistics 500;
comment on table parts.events_2026 is 'the one of 2026';
comment on column parts.events_2026.at is 'own comment';
comment on index parts.own_idx is 'own';
create function tg() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
create trigger rowtrig after insert or update on events for each row execute function tg();
create trigger stmttrig after insert on events for each statement execute function tg();
create trigger owntrig before insert on parts.events_2026 for each row execute function tg();
create table refs (id int primary key, tenant int, at timestamptz, eid bigint, k kind, foreign key (tenant, at, eid, k) references events (tenant, at, id, kind) on delete cascade deferrable initially deferred);
alter table events enable row level security;
create policy p on events using (tenant = 1);
alter table parts.events_2026 enable row level security;
create policy p on parts.events_2026 for select using (tenant = 2);
-- expression keys, opclass, collation
create table logs (at date, who text, n int) partition by list ((n % 10));
create table logs_1 partition of logs for values in (1, 2, null);
create table logs_d partition of logs default;
create table tx (who text collate "C", n int) partition by range (who collate "POSIX" text_pattern_ops, (n + 1));
create table tx_1 partition of tx for values from (minvalue, minvalue) to ('m', 5);
create table tx_2 partition of tx for values from ('m', 5) to (maxvalue, maxvalue);
create table hs (a int, b text) partition by hash (a, lower(b));
create table hs0 partition of hs for values with (modulus 3, remainder 0);
create table hs1 partition of hs for values with (modulus 3, remainder 1) ;
create table hs2 partition of hs for values with (modulus 3, remainder 2) ;
-- nested key with fk to partitioned both sides
create table orders (region text not null, id bigint not null, total numeric(12,2) default 0, primary key (region, id)) partition by list (region);
create table orders_eu partition of orders for values in ('eu','uk');
create table orders_us partition of orders (total default 1, constraint us_total check (total >= 0)) for values in ('us') ;
create table items (region text not null, order_id bigint not null, n int not null, primary key (region, order_id, n), foreign key (region, order_id) references orders) partition by list (region);
create table items_eu partition of items for values in ('eu','uk');
create table items_us partition of items for values in ('us');

create table packed (a text compression pglz, b text compression pglz, c int default 1);
create table packed_heir () inherits (packed);
alter table packed_heir alter a set compression default, alter c drop default;
create table split (a int, b text compression pglz, c int default 1) partition by list (a);
create table split_1 partition of split for values in (1);
create table split_2 partition of split for values in (2);
alter table split_2 alter b set compression default, alter c drop default;
create table checked (a int, b int, constraint alone check (a > 0), constraint one check (b > 0));
create table checked_heir (constraint one check (b > 0)) inherits (checked);
comment on constraint alone on checked_heir is 'from the parent';
comment on constraint one on checked_heir is 'its own as well';
