select count(*) = 20 from v where full_name like 'First% Last%';
