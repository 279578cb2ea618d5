select new = 'x' from ev_25;
select new = 'y' from ev;
