create sequence ticket;
create table event (
  id integer not null default nextval('ticket'),
  kind text default 'plain',
  check (id > 0)
) partition by range (id);
