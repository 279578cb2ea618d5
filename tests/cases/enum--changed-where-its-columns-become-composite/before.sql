create type mood as enum ('new', 'good', 'bad');
create table person (id int primary key, mood mood, other mood not null);
insert into person (id, other) values (1, 'good');
