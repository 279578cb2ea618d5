create table base (a int constraint a_is_there not null no inherit, b int, d int not null);
alter table base add constraint b_is_there not null b not valid;
