select a = 'x' from changes;
select a = 'y' from comes;
select a = 'z' from goes;
