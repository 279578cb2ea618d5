create table db (id int primary key, i text not null, n text not null);
create unique index u on db (i, n);
create table c (i text, n text, constraint fk foreign key (i, n) references db (i, n));
-- Its columns are not known to have values yet.
create table db2 (id int primary key, i text, n text);
create unique index u2 on db2 (i, n);
create table c2 (i text, n text, constraint fk2 foreign key (i, n) references db2 (i, n));
-- The key keeps nothing of the index before it but its columns.
create table db3 (i text, n text);
create unique index u3 on db3 (i, n);
create table c3 (i text, n text, constraint fk3 foreign key (i, n) references db3 (i, n));
insert into db values (1, 'a', 'b');
insert into db2 values (1, 'a', 'b');
insert into db3 values ('a', 'b');
insert into c values ('a', 'b');
insert into c2 values ('a', 'b');
insert into c3 values ('a', 'b');
