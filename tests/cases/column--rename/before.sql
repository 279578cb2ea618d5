create table conversations (id bigint primary key, state text not null default 'open');
create index conversations_state_idx on conversations (state);
insert into conversations values (1, 'open'), (2, 'closed');
