create table kept (id int primary key, name text);
insert into kept values (1, 'a') on conflict (id) do select returning name;
create view firsts as select id, first_value(name) ignore nulls over (order by id) as first from kept;
select first, whatever from firsts;
select nam from kept;
