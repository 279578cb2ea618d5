-- CMS / billing / logistics
create schema billing; create schema cms; create schema logistics;
create table billing.account (id uuid primary key, name text, currency char(3) not null default 'EUR' check (currency ~ '^[A-Z]{3}$'), balance numeric(19,4) not null default 0);
create table cms.account (id int primary key, name text);
create table logistics.account (id bigint primary key, billing_id uuid references billing.account, cms_id int references cms.account);
create function billing.total(billing.account) returns numeric language sql stable as 'select $1.balance';
create function cms.total(cms.account) returns numeric language sql stable as 'select 0.0';
create view public.account as select b.id, b.name, billing.total(b) as t from billing.account b;
create view cms.account_v as select a.*, b.id as bid from cms.account a left join public.account b on b.name = a.name;
create index account_name_idx on billing.account (name);
create index account_name_idx on cms.account (name);
create table billing.invoice (id bigint generated always as identity (sequence name billing.inv_seq start 1000) primary key, account_id uuid not null references billing.account on delete restrict, no text generated always as ('INV-' || lpad(total_cents::text, 8, '0')) stored, total_cents bigint not null, issued date not null default current_date, paid_at timestamptz, lines jsonb not null default '[]', constraint paid_after check (paid_at is null or paid_at::date >= issued) not valid, constraint not_null_like check (account_id is not null));
create table billing.line (invoice_id bigint not null references billing.invoice on delete cascade, n smallint not null, amount numeric(12,2) not null, primary key (invoice_id, n) include (amount));
create unique index on billing.invoice (account_id, issued) where paid_at is null;
alter table billing.invoice add constraint inv_uni unique (account_id, total_cents, issued) with (fillfactor = 70) deferrable;
create type cms.block as (kind text, body jsonb);
create type cms.status as enum ('draft','published','archived');
create table cms.page (id serial primary key, parent_id int references cms.page on delete cascade, slug text not null, status cms.status not null default 'draft', blocks cms.block[] not null default '{}', author name default current_user, published_at timestamptz, unique (parent_id, slug), check ((status = 'published') = (published_at is not null)));
create function cms.publish(p cms.page) returns cms.page language plpgsql as $$ declare r cms.page; begin update cms.page set status = 'published', published_at = now() where id = p.id returning * into r; return r; end $$;
create view cms.published as select * from cms.page where status = 'published' with cascaded check option;
create view cms.tree as with recursive t as (select id, slug::text as path, 0 as depth from cms.page where parent_id is null union all select p.id, t.path || '/' || p.slug, t.depth + 1 from cms.page p join t on t.id = p.parent_id) select * from t;
create function cms.children(p cms.page) returns setof cms.page rows 10 language sql stable as $$ select * from cms.page where parent_id = p.id $$;
create table logistics.shipment (id bigint primary key, route int4range, stops text[] not null check (cardinality(stops) > 1), weight numeric check (weight > 0), dims numeric(8,2)[3], volume numeric generated always as (dims[1] * dims[2] * dims[3]) stored, state text not null default 'new', constraint state_ok check (state = any (array['new','moving','done'])));
create function logistics.guard() returns trigger language plpgsql as $$
begin
    if new.state = 'done' and old.state <> 'moving' then
        raise exception 'shipment % cannot go from % to %', new.id, old.state, new.state using errcode = 'check_violation', hint = $h$it's $h$;
    end if;
    return new;
end
$$;
create trigger guard before update of state on logistics.shipment for each row when ((old.state)::text is distinct from new.state) execute function logistics.guard();
grant usage on schema billing, cms to anon;
grant select on all tables in schema cms to anon;
grant insert (slug, parent_id), references (id) on cms.page to authenticated;
revoke insert (slug) on cms.page from authenticated;
grant trigger, references, truncate on billing.line to authenticated;
revoke all on billing.account from postgres;
revoke select on cms.account from public;
alter schema billing owner to app_owner;
alter table billing.invoice owner to app_admin;
alter view cms.tree owner to app_owner;
alter type cms.block owner to app_owner;
comment on column cms.block.kind is 'of what kind';
comment on column cms.tree.depth is 'how deep';
comment on constraint inv_uni on billing.invoice is 'unique';
comment on index billing.account_name_idx is 'by name';
alter default privileges for role app_owner in schema billing grant all on tables to app_admin;
alter default privileges for role app_owner in schema billing grant usage on sequences to authenticated;
alter default privileges for role app_admin revoke usage on types from public;
alter default privileges revoke all on functions from public;
alter default privileges for role app_admin grant select on tables to public;
create function billing.after() returns int language sql as 'select 1';
alter table cms.page alter slug set compression pglz, alter blocks set storage main;
-- dropped columns in the middle
create table public.holes (a int, b int, c int, d int);
alter table holes drop column b; alter table holes add e int not null default 5; alter table holes drop column c;
create view public.v_holes as select * from holes;
create table public.zero ();
create table public.zero2 (a int); alter table zero2 drop column a;
create view public.zero_v as select from zero;
create view public.ordered as select a, d from holes order by 1 desc nulls last, 2 using > limit 10 offset 5;
create view public.fetching as select a from holes order by a fetch first 5 rows with ties;
create view public.dist as (select distinct on (a) a, d from holes order by a, d) union all select 1, 2 intersect select 3, 4 except all select 5, 6;
