create type kind as enum ('a', 'b');
create table t (id bigint not null, k kind not null) with (autovacuum_enabled = false);
insert into t values (1, 'a');
