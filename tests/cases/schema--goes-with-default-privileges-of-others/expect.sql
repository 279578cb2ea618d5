select to_regnamespace('gone') is null;
select count(*) = 1 from pg_default_acl where defaclnamespace = 'left_alone'::regnamespace;
