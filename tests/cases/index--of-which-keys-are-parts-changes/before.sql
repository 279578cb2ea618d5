create table m (id int not null, d int not null) partition by range (d);
create table m1 partition of m for values from (0) to (10);
create table m2 partition of m for values from (10) to (20);
insert into m values (1, 1), (2, 12);
create unique index m_u on only m (d);
alter table m1 add constraint m1_k unique (d);
alter table m2 add constraint m2_k unique (d);
alter index m_u attach partition m1_k;
alter index m_u attach partition m2_k;
