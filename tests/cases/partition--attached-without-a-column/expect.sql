select count(*) = 1 from event;
