create table t (id int primary key, a text, b text, c bigint, d numeric, e text);
insert into t values (1, '1.5', 'yes', 1, 1, '7'), (2, 'abc', 'maybe', 3000000000, 12345, '-');
