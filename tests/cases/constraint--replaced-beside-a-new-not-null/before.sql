create table item (id bigint not null, n numeric, total real not null);
alter table item add constraint item_pkey primary key (id, total) deferrable;
alter table item add constraint item_key unique (total, n) include (id);
insert into item values (1, 2, 3);
