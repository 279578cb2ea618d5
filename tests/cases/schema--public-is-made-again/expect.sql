select obj_description('public'::regnamespace) = 'standard public schema';
