select to_regnamespace('doomed') is null;
select count(*) = 1 from kept;
