select state = 'paid' and note = '3' from event;
select state = 'paid' from child;
