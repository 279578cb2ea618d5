select nextval(pg_get_serial_sequence('counted', 'id')) = 3;
select last_value = 100 and not is_called from raised_id_seq;
select last_value = -1 and not is_called from downwards_id_seq;
