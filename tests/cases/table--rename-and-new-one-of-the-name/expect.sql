select count(*) = 3 from b;
select count(*) = 1 from c;
select count(*) = 0 from a;
select nextval('b_id_seq') = 4 and nextval('c_id_seq') = 2 and nextval('a_id_seq') = 1;
