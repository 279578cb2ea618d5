select nspacl::text = '{trueup_case_owner=UC/trueup_case_owner}' from pg_namespace where nspname = 'theirs';
