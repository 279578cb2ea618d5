create table db (id int primary key, p int references db (id), x int unique);
create unique index u on db (id);
create table c (id int, constraint fk foreign key (id) references db (id));
insert into db values (1, 1, 1);
insert into c values (1);
