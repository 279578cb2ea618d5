create table documents (id bigint primary key, owner_name text not null, public boolean not null default false);
alter table documents enable row level security;
create policy "own documents" on documents for select using (owner_name = current_user);
create policy "old name" on documents for insert with check (true);
insert into documents values (1, 'someone', true);
