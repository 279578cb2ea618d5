create table p (id int not null, v text) partition by range (id);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
create table l (k text, n int) partition by list (k);
create table la partition of l for values in ('a', 'b');
create table lrest partition of l default;
create table h (id int, v text) partition by hash (id, v);
create table h0 partition of h for values with (modulus 2, remainder 0);
create table h1 partition of h for values with (modulus 2, remainder 1);
create table two (a int, b text) partition by range (a, lower(b));
create table two1 partition of two for values from (minvalue, minvalue) to (5, 'm');
insert into p select n, 'x' from unnest(array[0, 3, 12]) as n;
insert into l values (null, 4);

insert into two values (1, 'z'), (5, 'A');
