create table stays (a int, r int4range, constraint x exclude using gist (int4range(a, a + 1) with &&, r with &&));
alter index x alter column 1 set statistics 100;
create table changes (a int, r int4range, constraint y exclude using gist (int4range(a, a + 1) with &&, r with &&));
alter index y alter column 1 set statistics 100;
create table loses (a int, constraint z exclude using gist (int4range(a, a + 1) with &&));
alter index z alter column 1 set statistics 100;
create table retyped (a int, b varchar(5), constraint v exclude using btree (b with =, abs(a) with =));
alter index v alter column 2 set statistics 100;
