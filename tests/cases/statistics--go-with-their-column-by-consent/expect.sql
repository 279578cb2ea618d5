select count(*) = 0 from pg_statistic_ext;
