create sequence a;
create sequence b;
create table t (id bigint default nextval('a'));
alter sequence b owned by t.id;
insert into t default values;
