create table t (id int);
create table u (id int);
create table zcfg (k text primary key);
insert into t values (1), (2);
insert into u values (1);
insert into zcfg values ('a');
-- It stays as it is, and runs only now.
create function stays(v text) returns boolean language plpgsql immutable as 'begin return public.zzz_inner(v); end';
-- It refuses the rows that are there.
create function changes(v text) returns boolean language plpgsql immutable as 'begin if v is null then raise ''no null''; end if; return true; end';
create domain there as text constraint there_ok check (changes(value));
create function counts() returns text language plpgsql as 'begin return (select count(zval) from public.zcfg); end';
