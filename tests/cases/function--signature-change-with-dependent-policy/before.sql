create table notes (id bigint primary key, owner_id bigint not null);
create function is_owner(integer) returns boolean language sql stable as $$ select $1 = 1 $$;
alter table notes enable row level security;
create policy mine on notes using (is_owner(owner_id::integer));
insert into notes values (1, 1), (2, 2);
