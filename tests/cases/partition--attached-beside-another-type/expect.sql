select array_agg(id order by id) = '{1,25}' and sum(amount) = 2 from event;
