create table old_home (id int primary key, name text);
create unique index name_idx on old_home (name);
create table kept (id int primary key);
