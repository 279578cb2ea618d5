select tgenabled = 'D' from pg_trigger where tgrelid = 'q1'::regclass and tgname = 'gone';
select tgenabled = 'A' from pg_trigger where tgrelid = 'q1'::regclass and tgname = 'moved';
