create table t (a int, at timestamptz);
create view local as select x from cast(now() at time zone 'utc' as timestamp) x;
create view each as select t.a, z, n from t, lateral cast(t.at at time zone 'utc' as timestamp) with ordinality z(z, n);
create function body() returns void begin atomic update t as k set a = k.a + 1; delete from t as k where k.a = 1; select 1 from cast(now() at time zone 'utc' as timestamp) x; end;
