create type mood as enum ('good', 'bad', 'worse');
create table event (id int not null, amount int, mood mood, twice int generated always as (id * 2) stored) partition by range (id);
create table event_low partition of event for values from (0) to (10);
create table old_events (id int not null, amount int, mood mood, twice int);
insert into event values (1, 1, 'good');
insert into old_events values (25, 1, 'bad', 50);
