select to_regclass('seen') is null and to_regclass('t_a') is null and to_regprocedure('f()') is null;
select to_regnamespace('hand') is not null;
