-- The database as it was found: half-built. Two tables, one of them without the column that everything else is about.

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
  ('a0000000-0000-4000-8000-000000000001', 'flowers@example.com'),
  ('a0000000-0000-4000-8000-000000000002', 'bakery@example.com');

-- What an earlier attempt left.
create type message_direction as enum ('inbound', 'outbound');

create table conversations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  channel text not null,
  customer_name text,
  customer_email text,
  status text not null default 'open',
  created_at timestamptz not null default now()
);

create table messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references conversations (id) on delete cascade,
  direction message_direction not null,
  body text not null,
  created_at timestamptz not null default now()
);

insert into conversations (id, user_id, channel, customer_name, customer_email, status) values
  ('c0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'email', 'Ines', 'ines@example.com', 'open'),
  ('c0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'whatsapp', 'Tomek', null, 'open'),
  ('c0000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000002', 'web', 'Ines', 'ines@example.com', 'closed');

insert into messages (conversation_id, direction, body) values
  ('c0000000-0000-4000-8000-000000000001', 'inbound', 'Do you deliver on Sundays?'),
  ('c0000000-0000-4000-8000-000000000001', 'outbound', 'Until noon, yes.'),
  ('c0000000-0000-4000-8000-000000000002', 'inbound', 'Three dozen tulips, please'),
  ('c0000000-0000-4000-8000-000000000003', 'inbound', 'Are the rolls vegan?');
