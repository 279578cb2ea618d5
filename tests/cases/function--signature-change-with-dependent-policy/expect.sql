select to_regprocedure('is_owner(integer)') is null and to_regprocedure('is_owner(bigint)') is not null;
select count(*) = 1 from pg_policy;
