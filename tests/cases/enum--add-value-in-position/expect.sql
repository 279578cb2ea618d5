select enum_range(null::channel)::text = '{whatsapp,sms,email}';
select via = 'email' from messages;
