-- Minor releases print this call differently, each in the words of SQL.
create table t (at timestamptz);
create materialized view m as select x.d, t.at from t, cast(t.at at time zone 'utc' as timestamp) as x(d);
