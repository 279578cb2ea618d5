create table readings (id bigint primary key, value integer not null);
create view readings_high as select id, value from readings where value > 100;
create view readings_top as select id from readings_high where value > 1000;
comment on view readings_high is 'Above the limit';
insert into readings values (1, 50), (2, 5000);
