select array_agg(attrelid::regclass || ' ' || attnum || ' ' || attstattarget order by attrelid::regclass::text)
  = '{"v 2 100","w 1 300","x 1 100","y 1 200"}'
from pg_attribute where attrelid in (select indexrelid from pg_index) and attstattarget > 0 and attrelid > 16000;
