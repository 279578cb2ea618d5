select array_agg(id) = '{1}' from kept;
