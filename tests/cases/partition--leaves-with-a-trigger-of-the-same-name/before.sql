create function tf() returns trigger language plpgsql as 'begin return new; end';
create table r (id int primary key);
create table p (id int references r, d int) partition by range (d);
create table p1 partition of p for values from (0) to (9);
create trigger g after insert on p for each row execute function tf();
insert into r values (1);
insert into p values (1, 1);
