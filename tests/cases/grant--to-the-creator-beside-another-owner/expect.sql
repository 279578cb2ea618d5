select relacl::text ~ 'postgres=rwU/trueup_case_owner' from pg_class where oid = 't_id_seq'::regclass;
select relacl::text ~ 'postgres=U/trueup_case_owner' from pg_class where oid = 't_n_seq'::regclass;
select attacl::text ~ 'postgres=r/trueup_case_owner' from pg_attribute where attrelid = 't'::regclass and attname = 'note';
select relacl::text ~ 'postgres=r/trueup_case_owner' from pg_class where oid = 'there_id_seq'::regclass;
select relacl::text ~ 'postgres=U/trueup_case_owner' from pg_class where oid = 'there_n_seq'::regclass;
select attacl::text ~ 'postgres=r/trueup_case_owner' from pg_attribute where attrelid = 'there'::regclass and attname = 'note';
