select count(*) = 2 from pg_default_acl, aclexplode(defaclacl) where grantee = 'a_grantee_with_a_long_name'::regrole;
