create table t (id int); insert into t values (1),(2);
create function f_old(v text) returns boolean language plpgsql immutable as 'begin return zzz_inner(v); end';
