-- The database as it was found: customer_stats without credits, and a view and a grant that depend on it.
do $$
begin
  create role reporting nologin;
exception when duplicate_object or unique_violation then null;
end $$;

create table customers (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now()
);
create table users (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id),
  email text not null unique
);
create table search_history (
  id bigint generated always as identity primary key,
  customer_id uuid not null references customers (id),
  query text not null,
  created_at timestamptz not null default now()
);
create table customer_credits (
  customer_id uuid primary key references customers (id),
  balance integer not null default 0,
  total_purchased integer not null default 0,
  total_used integer not null default 0,
  last_purchase_at timestamptz
);
create table api_clients (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id),
  name text not null
);
create table api_keys (
  id uuid primary key default gen_random_uuid(),
  api_client_id uuid not null references api_clients (id),
  key_hash text not null unique,
  key_prefix text not null,
  name text,
  scopes text[] not null default '{}',
  rate_limit integer not null default 1000,
  is_active boolean not null default true,
  last_used_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create view customer_stats with (security_invoker = true) as
select c.id, c.name, count(distinct u.id) as user_count, count(distinct sh.id) as search_count
from customers c
left join users u on c.id = u.customer_id
left join search_history sh on c.id = sh.customer_id
group by c.id, c.name;
create view busy_customers as select id, name from customer_stats where search_count > 1;
grant select on customer_stats to reporting;
comment on view customer_stats is 'One row per customer';

insert into customers (id, name) values
  ('c0000000-0000-4000-8000-000000000001', 'Acme'), ('c0000000-0000-4000-8000-000000000002', 'Bolt');
insert into users (customer_id, email) values ('c0000000-0000-4000-8000-000000000001', 'a@example.com'), ('c0000000-0000-4000-8000-000000000001', 'b@example.com');
insert into search_history (customer_id, query) select 'c0000000-0000-4000-8000-000000000001', 'q' || i from generate_series(1, 3) i;
insert into api_clients (id, customer_id, name) values ('ac000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'shop');
insert into api_keys (api_client_id, key_hash, key_prefix) values
  ('ac000000-0000-4000-8000-000000000001', 'h1', 'k1'), ('ac000000-0000-4000-8000-000000000001', 'h2', 'k2');
insert into customer_credits values ('c0000000-0000-4000-8000-000000000001', 70, 100, 30, '2025-11-01');
