select count(*) = 2 from b.t;
select to_regclass('b.t_x_idx') is not null and to_regclass('b.t_id_seq') is not null;
select obj_description('b.t'::regclass) = 'kept';
