create table people (id bigint primary key, name text, fax text);
insert into people values (1, 'Ada', '555');
