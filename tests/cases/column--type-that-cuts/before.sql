create table t (id int primary key, a text[], b timestamp, c bigint, d varchar(9), e int);
insert into t values (1, '{abcdefgh}', '2026-01-02 03:04:05.678', 9007199254740993, 'x', 7);
