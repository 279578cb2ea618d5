create table parent (id int not null, v text);
create table child (id int not null) inherits (parent);
insert into child values (1, 'a');
