create table p (a int, b int, c int) partition by range (a);
create table p1 partition of p for values from (0) to (5);
create table p2 partition of p for values from (5) to (9) partition by range (a);
create table p21 partition of p2 for values from (5) to (7);
create table p22 partition of p2 for values from (7) to (9);
-- nothing attached
create index none on only p (b);
-- one part
create index somei on only p (c);
create index p1_s on p1 (c);
alter index somei attach partition p1_s;
-- divided part which lacks parts
create index deep on only p (b, c);
create index deep1 on p1 (b, c);
create index deep2 on only p2 (b, c);
create index deep21 on p21 (b, c);
alter index deep attach partition deep1;
alter index deep attach partition deep2;
alter index deep2 attach partition deep21;
-- a key
alter table only p add constraint k unique (a, b);
create table q (a int, b int) partition by range (a);
alter table only q add primary key (a);
create table q1 (a int not null, b int);
create unique index q1_pk on q1 (a);
create table empty (a int, b int) partition by range (a);
create index empty_i on only empty (a);
create index whole on p (a, c);
