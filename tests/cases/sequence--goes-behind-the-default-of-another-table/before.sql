create table a_counts (id bigserial not null);
create table z_uses (n bigint default nextval('a_counts_id_seq'));
create table stays (id int);
