do $$ begin create role trueup_case_row_reader; exception when duplicate_object or unique_violation then null; end $$;
create table note (id int primary key, shown boolean not null, body text);
insert into note values (1, true, 'a'), (2, false, 'b');
alter table note enable row level security;
create policy shown on note using (shown);
grant select on note to trueup_case_row_reader;
create view visible as select id, body from note;
alter view visible owner to trueup_case_row_reader;
