create table document (id integer not null, state text default 'draft', check (state <> ''));
