-- The database as it was found: an early conversations table, no messages.

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

insert into auth.users (id, email) values
  ('d0000000-0000-4000-8000-000000000001', 'north@example.com'),
  ('d0000000-0000-4000-8000-000000000002', 'south@example.com');

create table distributors (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id),
  name text not null
);
create table customers (
  id uuid primary key default gen_random_uuid(),
  distributor_id uuid not null references distributors (id),
  name text not null,
  phone text
);
create table conversations (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id),
  distributor_id uuid not null references distributors (id),
  last_message_at timestamptz
);

insert into distributors (id, user_id, name) values
  ('d1000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001', 'North'),
  ('d1000000-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000002', 'South');
insert into customers (id, distributor_id, name, phone) values
  ('c1000000-0000-4000-8000-000000000001', 'd1000000-0000-4000-8000-000000000001', 'Ines', '+351900000001'),
  ('c1000000-0000-4000-8000-000000000002', 'd1000000-0000-4000-8000-000000000002', 'Paul', '+351900000002');
insert into conversations (id, customer_id, distributor_id) values
  ('e1000000-0000-4000-8000-000000000001', 'c1000000-0000-4000-8000-000000000001', 'd1000000-0000-4000-8000-000000000001'),
  ('e1000000-0000-4000-8000-000000000002', 'c1000000-0000-4000-8000-000000000002', 'd1000000-0000-4000-8000-000000000002');
