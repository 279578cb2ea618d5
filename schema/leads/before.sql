-- The database as it was found: leads without customers, and a customers table that an earlier attempt left half filled.
create table customers (
  id bigint generated always as identity primary key,
  phone text not null unique,
  created_at timestamptz not null default now()
);
create table leads_master (
  id bigint generated always as identity primary key,
  name text,
  phone_number_normalized text,
  source text not null default 'import',
  created_at timestamptz not null default now()
);
create index leads_master_phone_idx on leads_master (phone_number_normalized);

-- 100,000 leads: 29,700 phone numbers, one lead in ten without.
insert into leads_master (name, phone_number_normalized)
select 'lead ' || i, case when i % 10 = 0 then null else '+91' || (9000000000 + i % 33000)::text end
from generate_series(1, 100000) i;
insert into customers (phone) select '+91' || (9000000000 + i)::text from generate_series(1, 500) i;
