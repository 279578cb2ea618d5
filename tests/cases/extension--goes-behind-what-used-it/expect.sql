select count(*) = 0 from pg_extension where extname = 'citext';
select c = 'X' from e;
