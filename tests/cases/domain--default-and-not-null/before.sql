create domain email as text;
create domain level as integer default 3 check (value < 10);
create table p (id integer primary key, e email, l level);
insert into p values (1, 'a@b', 2), (2, 'c@d', 4);
