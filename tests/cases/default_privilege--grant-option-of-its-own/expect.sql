select defaclacl::text = '{trueup_case_owner=U*C/trueup_case_owner}' from pg_default_acl;
