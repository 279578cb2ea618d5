create procedure p(out a int, b int, c int) language plpgsql as $$ begin a := b + c; end $$;
create procedure p(a int, b int, c int) language plpgsql as $$ begin null; end $$;
comment on procedure p(in int, in int, in int) is 'three in';
