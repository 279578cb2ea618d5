do $$ begin create role trueup_case_keeper; exception when duplicate_object or unique_violation then null; end $$;
create table item (id int primary key, n int not null);
alter table item owner to trueup_case_keeper;
insert into item values (1, 1), (2, -1);
