create type state as enum ('open');
create table notes (id int primary key, s state);
insert into notes values (1, 'open');
alter table notes enable row level security;
create policy everyone on notes using (true);
create policy guard on notes as restrictive for select using (s = 'open');
create view open_notes as select id, s from notes;
