do $$ begin create role case_reader; exception when duplicate_object then null; end $$;
do $$ begin create role case_writer; exception when duplicate_object then null; end $$;
create table stays (id bigint generated always as identity primary key, note text);
grant usage, select on sequence stays_id_seq to case_reader;
grant usage on sequence stays_id_seq to case_writer;
insert into stays (note) values ('one');
create table becomes (id bigint primary key);
