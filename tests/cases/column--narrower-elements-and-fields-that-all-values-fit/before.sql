create table t (e interval, g text[], h numeric(10,2)[], n text, d text);
insert into t values ('1 day', '{ab}', '{1.20}', '7', '2020-01-01'), (null, '{}', '{null}', null, null);
