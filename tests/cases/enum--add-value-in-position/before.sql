create type channel as enum ('whatsapp', 'email');
create table messages (id bigint primary key, via channel not null default 'whatsapp');
insert into messages values (1, 'email');
