create table doc (id int primary key);
create table account (id int primary key);
alter table doc enable row level security;
create policy readers on doc for select using ((select exists (select from account)));
