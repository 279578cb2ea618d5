create table p (id integer, d date, v text, primary key (id, d)) partition by range (d);
create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01');
create table p2 partition of p for values from ('2025-01-01') to ('2026-01-01');
create index p_v on p (v);
create table ref (id integer, d date, foreign key (id, d) references p);
insert into p values (1, '2024-02-02', 'a'), (2, '2025-02-02', 'b');
insert into ref values (1, '2024-02-02');
