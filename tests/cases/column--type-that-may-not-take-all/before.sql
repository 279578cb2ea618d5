create table t (id int primary key, a text, b varchar(10), c text, d text[]);
insert into t values (1, '3f2504e0-4f89-11d3-9a0c-0305e82c3301', 'glad', '7', '{x}'), (2, null, null, null, null);
