select status = case id when 1 then 'open' else 'closed' end from conversations;
