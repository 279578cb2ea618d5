create table plain (id int, region text);
