select 1;
selec 1;
