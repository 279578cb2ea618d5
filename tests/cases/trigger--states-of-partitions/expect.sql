select tgenabled = 'O' from pg_trigger where tgrelid = 'p1'::regclass and tgname = 'T 1';
select tgenabled = 'D' from pg_trigger where tgrelid = 'p1'::regclass and tgname = 't2';
select tgenabled = 'R' from pg_trigger where tgrelid = 'p1'::regclass and tgname = 't3';
select tgenabled = 'R' from pg_trigger where tgrelid = 'p22'::regclass and tgname = 't2';
select tgenabled = 'D' from pg_trigger where tgrelid = 'p2'::regclass and tgname = 't3';
select tgenabled = 'R' from pg_trigger where tgrelid = 'p21'::regclass and tgname = 't3';
select tgenabled = 'D' from pg_trigger where tgrelid = 'p22'::regclass and tgname = 't3';
select tgenabled = 'A' from pg_trigger where tgrelid = 'p22'::regclass and tgname = 'T 1';
select tgenabled = 'D' from pg_trigger where tgrelid = 'later'::regclass and tgname = 'T 1';
