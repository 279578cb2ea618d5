select e = 7 and created_at = '2024-01-01' and a = 1 from heir;
