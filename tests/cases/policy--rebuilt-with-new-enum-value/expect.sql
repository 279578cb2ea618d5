select polcmd = '*' and not polpermissive from pg_policy where polname = 'guard';
