create table base (a int constraint a_is_there not null no inherit, b int, c int not null, d int not null);
alter table base add constraint b_is_there not null b not valid;
create table child (extra int) inherits (base);
