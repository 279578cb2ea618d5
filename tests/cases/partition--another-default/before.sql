create table whole (id bigint not null) partition by range (id);
create table old_rest partition of whole default;
create table first partition of whole for values from (0) to (10);
insert into whole values (1);
