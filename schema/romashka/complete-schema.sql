-- The script that was meant to build the whole schema. On the half-built database it fails:
--
--   ERROR:  42703: column "customer_id" does not exist
--
-- IF NOT EXISTS asks for a table of that name, not for a table of that shape: `conversations` is there, so its definition is
-- passed over, and the first statement that needs the new column stops everything.

begin;

create table if not exists customer_profiles (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  name text,
  email text,
  phone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists conversations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  customer_id uuid references customer_profiles (id) on delete set null,
  channel text not null,
  status text not null default 'open',
  last_message_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists customer_channel_preferences (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customer_profiles (id) on delete cascade,
  channel text not null,
  enabled boolean not null default true
);

create index if not exists conversations_customer_id_idx on conversations (customer_id);

alter table customer_profiles enable row level security;
alter table conversations enable row level security;

create policy "businesses manage their own customers" on customer_profiles
  using (user_id = auth.uid());

commit;
