select array_agg(id) = '{2}' from event;
