create table "Kept" ("userId" int);
