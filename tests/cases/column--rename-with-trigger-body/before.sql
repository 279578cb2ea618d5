create table t (id integer primary key, name text);
create function trg() returns trigger language plpgsql as $$begin new.name := upper(new.name); return new; end$$;
create trigger tr before insert or update on t for each row execute function trg();
insert into t values (1, 'n');
