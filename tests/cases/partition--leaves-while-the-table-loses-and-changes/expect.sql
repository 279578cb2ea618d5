select old = 'x' from ev_25;
