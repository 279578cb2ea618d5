select not has_sequence_privilege('trueup_two', 't_a_seq', 'usage') and has_sequence_privilege('trueup_two', 't_a_seq', 'select');
