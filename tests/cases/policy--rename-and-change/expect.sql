select full_name = 'a' from pv;
