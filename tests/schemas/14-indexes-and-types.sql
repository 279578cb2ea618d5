create extension pg_trgm; create extension btree_gist; create extension btree_gin; create extension hstore; create extension ltree; create extension unaccent; create extension citext; create extension intarray; create extension cube; create extension earthdistance;
create function iu(text) returns text language sql immutable parallel safe strict as $$ select public.unaccent('public.unaccent', $1) $$;
create table docs (
  id bigserial primary key, title text not null, body text, lang regconfig not null default 'simple',
  tsv tsvector generated always as (setweight(to_tsvector('english'::regconfig, coalesce(title, '')), 'A') || setweight(to_tsvector('simple', coalesce(body, '')), 'B')) stored,
  path ltree, attrs hstore default ''::hstore, email citext collate "C" unique,
  nums int[], loc point, span tstzrange not null default tstzrange(now(), null), box box);
create index docs_tsv on docs using gin (tsv);
create index docs_trgm on docs using gin (iu(title) gin_trgm_ops, body gin_trgm_ops);
create index docs_trgm2 on docs using gist (title gist_trgm_ops (siglen = 32));
create index docs_path on docs using gist (path gist_ltree_ops (siglen = 100));
create index docs_attrs on docs using gin (attrs);
create index docs_brin on docs using brin (id int8_minmax_ops, span range_inclusion_ops) with (pages_per_range = 16, autosummarize = on);
create index docs_hash on docs using hash (title) with (fillfactor = 60);
create index docs_sp on docs using spgist (loc);
create index docs_nums on docs using gin (nums gin__int_ops);
create index docs_multi on docs (lower(title) collate "C" text_pattern_ops desc nulls last, (coalesce(body, 'x''y')) nulls first, email) include (nums) where title <> '' and (body is not null or lang = 'simple'::regconfig);
alter index docs_multi alter column 2 set statistics 300;
create unique index docs_u on docs (title, (attrs -> 'k'));
create index docs_earth on docs using gist (ll_to_earth(loc[0], loc[1]));
create table bookings (
  room int not null, during tstzrange not null, who text, cancelled bool not null default false,
  constraint no_overlap exclude using gist (room with =, during with &&) where (not cancelled),
  constraint one_each exclude using gist (who with =, tstzrange(lower(during), upper(during), '[]') with &&) deferrable initially deferred,
  exclude (lower(who) with =),
  constraint incl exclude using gist (room with =) include (who) with (fillfactor = 80) where (room > 5));
comment on constraint no_overlap on bookings is 'no double bookings';
-- EAV
create table attribute (id smallint generated always as identity primary key, code text not null unique, kind text not null check (kind in ('int','text','date')), unique (id, kind));
create table entity (id bigint primary key);
create table value (entity_id bigint references entity on delete cascade, attribute_id smallint, kind text not null, v_int bigint, v_text text, v_date date,
  primary key (entity_id, attribute_id), foreign key (attribute_id, kind) references attribute (id, kind) on update cascade,
  check (case kind when 'int' then v_int is not null and num_nulls(v_text, v_date) = 2 when 'text' then v_text is not null else v_date is not null end));
create materialized view flat as select e.id, max(v.v_int) filter (where a.code = 'x') as x, hstore(array_agg(a.code), array_agg(v.v_text)) as h from entity e left join value v on v.entity_id = e.id left join attribute a on a.id = v.attribute_id group by e.id with no data;
create unique index flat_id on flat (id);
create index flat_h on flat using gin (h);
create materialized view flat2 with (fillfactor = 80, autovacuum_enabled = off) as select * from flat with no data;
alter materialized view flat2 alter column x set statistics 100, alter column x set (n_distinct = 12), alter column h set storage main, alter column h set compression pglz;
create materialized view mv3 (aa, bb) as select 1, 'x'::text;
create index mv3_i on mv3 (bb desc) where aa > 0;
create unique index mv3_u on mv3 (aa);
alter materialized view mv3 cluster on mv3_u;
comment on materialized view flat is 'flat';
comment on column flat.x is 'flat x';
comment on index flat_id is 'flat id';
grant select on flat to anon;
grant select on flat to current_user with grant option;
grant select (x) on flat to authenticated;
alter materialized view flat owner to app_owner;
create view over_mv as select f.id, f.x, m.bb from flat f cross join mv3 m;
-- money, bits, geo, net types, arrays, intervals
create table alltypes (a smallint, b integer, c bigint, d decimal, e numeric(5), f numeric(5,2), g real, h double precision, i float(10), j money, k char, l char(10), m varchar, n varchar(10), o text, p bytea, q timestamp, r timestamp(3), s timestamptz(0), t date, u time(2), v timetz, w interval, x interval year to month, y interval second(3), z interval(4), aa boolean, bb point, cc line, dd lseg, ee box, ff path, gg polygon, hh circle, ii cidr, jj inet, kk macaddr, ll macaddr8, mm bit, nn bit(8), oo bit varying, pp varbit(9), qq tsvector, rr tsquery, ss uuid, tt xml, uu json, vv jsonb, ww int[][], xx text[3][4], yy int4range, zz nummultirange, ab oid, ac regproc, ad regprocedure, ae regoper, af regtype, ag regrole, ah regnamespace, ai name, aj "char", ak pg_lsn, al xid, am txid_snapshot, an jsonpath, ao numeric(10,0)[], ap varchar(3)[], aq timestamp(2)[], ar int2vector, as_ oidvector, at_ bpchar, au tid, av cid, aw refcursor, ax datemultirange, ay varchar(5) collate "C", az time with time zone default '10:00+02', ba interval default '1 mon 2 days 03:04:05.678', bc bit(3) default b'101', bd text default $x$a'b\c$x$, be numeric default 1e-10, bf float8 default 'NaN', bg timestamptz default 'infinity', bh date default 'epoch', bi int default -1, bj bigint default 9223372036854775807, bk text[] default array['a,b', '{c}', 'd"e', 'null', null, ''], bl json default '{"a" : 1,  "b":[ ]}', bm bytea default '\xdeadbeef', bn point default '(1,2)', bo inet default '10.0.0.0/8', bp boolean default (not true), bq int default (1 + 2) * 3, br text default concat('a', 'b'), bs "char" default 'x', bt name default current_schema(), bu regclass default 'pg_class'::regclass, bv text default null, bw char(3) default 'a', bx varchar default 'x'::varchar(2), bz numeric(5,2)[] default '{1.5,2.25}');
