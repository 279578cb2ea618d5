create table p (id int primary key);
create table p2 (id int primary key);
insert into p values (1);
insert into p2 values (1);
create table t (
  id int primary key, a int, b int unique,
  constraint ck check (a > 0),
  constraint fk foreign key (a) references p (id),
  constraint k unique (a)
);
insert into t values (1, 1, 1);
create table u (id int primary key, a int references t (a));
insert into u values (1, 1);
