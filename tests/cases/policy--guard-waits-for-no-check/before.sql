create table notes (id int primary key, owner_name text not null, body text);
insert into notes values (1, 'ada', 'mine'), (2, 'bob', 'his');
