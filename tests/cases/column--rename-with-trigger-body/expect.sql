with made as (insert into t (id, full_name) values (2, 'm') returning full_name) select full_name = 'M' from made;
