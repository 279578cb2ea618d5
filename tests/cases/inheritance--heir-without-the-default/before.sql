create table b (id int not null default 1, n text default 'q');
