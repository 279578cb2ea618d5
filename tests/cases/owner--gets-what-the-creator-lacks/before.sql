do $$ begin create role trueup_case_owner; exception when duplicate_object or unique_violation then null; end $$;
alter default privileges revoke truncate on tables from current_user;
create table item (id int primary key, n int);
grant truncate on item to current_user;
create view items as select id, n from item;
alter view items owner to trueup_case_owner;
grant truncate on items to trueup_case_owner;
