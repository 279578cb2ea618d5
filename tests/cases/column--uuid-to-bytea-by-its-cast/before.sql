create table t (id int primary key, a uuid);
insert into t values (1, '00112233-4455-6677-8899-aabbccddeeff');
