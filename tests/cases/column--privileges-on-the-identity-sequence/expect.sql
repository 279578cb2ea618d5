select not has_sequence_privilege('case_reader', 'stays_id_seq', 'usage');
select has_sequence_privilege('case_reader', 'stays_id_seq', 'select');
select has_sequence_privilege('case_writer', 'stays_id_seq', 'usage with grant option');
select has_sequence_privilege('case_reader', 'becomes_id_seq', 'usage');
select has_sequence_privilege('case_writer', 'comes_id_seq', 'update');
select count(*) = 1 from stays;
