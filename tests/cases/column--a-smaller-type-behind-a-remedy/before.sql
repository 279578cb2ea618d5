-- All values fit the new type before the remedy, and not behind it.
create table readings (id int primary key, celsius numeric(10,4));
insert into readings values (1, 1.5), (2, null);
