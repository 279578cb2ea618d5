-- The database as it was found: carts, orders and sessions hang on customers; some customers have a profile, most have none.

-- What a Supabase project brings along, as far as this example needs it. On Supabase itself all of it is there.
do $$
declare
  name text;
begin
  foreach name in array array['anon', 'authenticated', 'service_role'] loop
    begin
      execute format('create role %I nologin', name);
    exception when duplicate_object or unique_violation then null;
    end;
  end loop;
end $$;
create schema auth;
grant usage on schema auth to anon, authenticated, service_role;
create table auth.users (id uuid primary key, email text unique);
create function auth.uid() returns uuid language sql stable as $$
  select nullif(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub', '')::uuid
$$;

create table profiles (
  user_id uuid primary key default gen_random_uuid(),
  whatsapp_e164 text unique,
  display_name text,
  created_at timestamptz not null default now()
);
create table customers (
  id uuid primary key default gen_random_uuid(),
  wa_id text not null unique,
  display_name text
);
create function auth_customer_id() returns uuid language sql stable security definer set search_path = '' as $$
  select c.id from public.customers c join public.profiles p on p.whatsapp_e164 = c.wa_id where p.user_id = auth.uid()
$$;

create table carts (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id),
  status text not null default 'open'
);
create table orders (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id),
  total numeric(12, 2) not null default 0
);
create table sessions (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid references customers (id),
  started_at timestamptz not null default now()
);
create index idx_carts_customer_status on carts (customer_id, status);
alter table carts enable row level security;
alter table orders enable row level security;
alter table sessions enable row level security;
create policy own_carts on carts for all to authenticated using (customer_id = auth_customer_id()) with check (customer_id = auth_customer_id());
create policy own_orders on orders for select to authenticated using (customer_id = auth_customer_id());
create policy own_sessions on sessions for select to authenticated using (customer_id = auth_customer_id());
grant select, insert, update on carts to authenticated;
grant select on orders, sessions to authenticated;

insert into customers (id, wa_id, display_name)
select ('c0000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '+25078' || lpad(i::text, 7, '0'), 'Customer ' || i
from generate_series(1, 40) i;
insert into profiles (user_id, whatsapp_e164, display_name)
select ('a0000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '+25078' || lpad(i::text, 7, '0'), 'Customer ' || i
from generate_series(1, 15) i;
insert into carts (customer_id, status)
select ('c0000000-0000-4000-8000-' || lpad((i % 40 + 1)::text, 12, '0'))::uuid, 'open' from generate_series(1, 200) i;
insert into orders (customer_id, total)
select ('c0000000-0000-4000-8000-' || lpad((i % 40 + 1)::text, 12, '0'))::uuid, i from generate_series(1, 300) i;
insert into sessions (customer_id)
select case when i % 4 = 0 then null else ('c0000000-0000-4000-8000-' || lpad((i % 40 + 1)::text, 12, '0'))::uuid end from generate_series(1, 100) i;
