select bool_and(indisvalid) from pg_index;
