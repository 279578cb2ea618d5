select a.f() = 1;
select count(*) = 1 from b.mv;
select nextval('b.people_id_seq') = 2;
select count(*) = 1 from pg_constraint where contype = 'f';
