create table k (id int primary key);
insert into k values (1), (2);
create table ev (id int not null, at date not null, old text) partition by range (at);
create table ev_25 partition of ev for values from ('2025-01-01') to ('2026-01-01');
create table ev_26 partition of ev for values from ('2026-01-01') to ('2027-01-01');
insert into ev values (1, '2025-05-05', 'x'), (2, '2026-05-05', 'y');
alter table ev add primary key (id, at);
