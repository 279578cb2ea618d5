create table p (a text, b text, check (a <> ''));
create table c () inherits (p);
alter table c alter b set not null, alter b set storage external;
