create extension btree_gist;
create table booking (room int not null, during daterange) partition by range (room);
create table booking_low partition of booking for values from (0) to (10);
create table booking_high partition of booking for values from (10) to (20);
alter table booking add constraint apart exclude using gist (room with =, during with &&);
