create table base (id bigint not null default 7, note text);
create table heir (id bigint not null generated always as identity) inherits (base);
create table young (id bigint not null generated always as identity) inherits (base);
create table left_alone (id bigint not null generated always as identity) inherits (base);
insert into heir (note) values ('b');
