create table notes (id int primary key, owner text);
alter table notes enable row level security;
alter table notes force row level security;
create policy own on notes using (owner = current_user);
create table open (id int primary key);
alter table open enable row level security;
create view mine with (security_invoker) as select id from notes;
create view narrower with (security_invoker, security_barrier) as select id, owner from notes;
create view said with (security_invoker) as select id from notes;
