-- PostgreSQL forgets the targets where it builds an index anew.
select array_agg(attrelid::regclass || ' ' || attnum || ' ' || attstattarget order by attrelid::regclass::text)
  = '{"i 2 500","over_c 2 250","p1_a_expr_idx 2 60","pi 2 50","whole 1 300"}'
from pg_attribute where attrelid in (select indexrelid from pg_index) and attstattarget > 0 and attrelid > 16000;
