select bool_and(pg_get_userbyid(relowner) = 'trueup_case_owner') from pg_class where relname in ('theirs_seq', 'ours_seq', 'ours', 'moves', 'new_one', 'leaves');
select pg_get_userbyid(relowner) <> 'trueup_case_owner' from pg_class where relname = 'stays';
