-- What is renamed is used by tables with indexes, constraints and expressions that rest on parts of extensions, in two schemas.
create schema ext;
create extension pg_trgm schema ext;
create extension btree_gist;
create extension bloom;
create extension citext schema ext;
create extension unaccent;
create extension intarray;
create type mood as enum ('sad', 'glad');
create table note (
  id int primary key,
  body text,
  mail ext.citext,
  feeling mood not null default 'sad',
  during tsrange,
  room int,
  tags int[],
  plain text default public.unaccent('é'),
  constraint note_room exclude using gist (room with =, during with &&),
  constraint note_tags check (tags is null or tags @@ '1&2'::query_int or true)
);
create index note_body on note using gin (body ext.gin_trgm_ops) where feeling = 'sad';
create index note_bloom on note using bloom (room, id);
create policy near on note using (body operator(ext.%) 'word' or feeling = 'glad');
create view near_notes as select id, feeling from note where body operator(ext.%) 'word';
create text search configuration english_plain (copy = english);
drop text search configuration english_plain;
create index note_words on note (to_tsvector('english', body), (ts_lexize('public.unaccent', body)));
insert into note (id, body, feeling, room, during) values (1, 'word', 'glad', 1, '[2020-01-01,2020-01-02)');
