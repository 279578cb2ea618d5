-- Nothing is lost, so nobody is asked for consent.
create table t (
  id int primary key, a text, b numeric(10,2), c bigint, d varchar(30), e numeric, f double precision, g timestamp,
  h int, i char(10), j numeric(6,3), k bit varying(8), l double precision
);
insert into t values (1, '1', 1.25, 7, 'x', 3, 4, '2020-01-01', 123, 'abc', 1.5, '101', 0.5),
  (2, '2', 99999.99, -7, null, 5, null, null, null, null, null, null, 'NaN');
