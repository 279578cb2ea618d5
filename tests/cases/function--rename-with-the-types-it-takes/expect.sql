select x = 1 and y = 2 and z = 4 from v;
select has_function_privilege('trueup_case_reader', 'f(feel)', 'execute');
