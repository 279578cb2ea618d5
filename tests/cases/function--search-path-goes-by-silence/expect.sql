select bool_and(proconfig is null) from pg_proc where proname in ('taken', 'another_result', 'done', 'of_its_caller');
select proconfig = '{search_path=pg_catalog}' from pg_proc where proname = 'another_setting';
