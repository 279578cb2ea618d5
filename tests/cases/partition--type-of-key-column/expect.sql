select not exists (select from everything)
