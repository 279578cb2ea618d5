create table base (id int not null, name text, note text);
create table child (extra int) inherits (base);
alter table child alter name set not null, alter note set statistics 500;
alter table only base alter note set statistics 100;
