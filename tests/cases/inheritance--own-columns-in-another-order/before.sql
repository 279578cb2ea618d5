create table base (id int not null, name text check (name <> ''), total int generated always as (1 + 1) stored);
create table other (name text constraint base_name_check check (name <> ''), id int not null, extra text, total int generated always as (1 + 1) stored);
alter table other inherit base;
