create table p (a text, b text, d text compression pglz, e text compression pglz, check (a <> ''));
create table c () inherits (p);
alter table c alter d set compression default;
alter table c alter b set not null, alter b set storage external;
