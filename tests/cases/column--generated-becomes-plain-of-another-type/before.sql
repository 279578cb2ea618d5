create table t (id integer, word text, d text generated always as (coalesce(word, '2024-01-01')) stored, n text generated always as (coalesce(word, '5')) stored);
insert into t (id) values (1);
