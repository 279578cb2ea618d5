-- What must be true afterwards, claim by claim.
begin;

select 'both tables exist' as claim,
       to_regclass('public.conversations') is not null and to_regclass('public.messages') is not null as holds;

select 'row-level security is on for both',
       bool_and(relrowsecurity) and count(*) = 2
from pg_class where oid in ('public.conversations'::regclass, 'public.messages'::regclass);

select 'the indexes of the write-up are there',
       count(*) = 6 and bool_and(indisvalid)
from pg_index join pg_class c on c.oid = indexrelid
where c.relname in ('conversations_customer_id_idx', 'conversations_distributor_id_idx', 'conversations_channel_idx',
                    'messages_conversation_id_idx', 'messages_unprocessed_idx', 'messages_external_id_idx');

select 'conversations that existed are on WhatsApp, unread 0',
       count(*) = 2 and bool_and(channel = 'whatsapp' and unread_count = 0) from conversations;

insert into messages (conversation_id, sender, content) values ('e1000000-0000-4000-8000-000000000001', 'customer', 'hello');
select 'a message counts as unread', unread_count = 1 from conversations where id = 'e1000000-0000-4000-8000-000000000001';

select set_config('request.jwt.claims', '{"sub": "d0000000-0000-4000-8000-000000000001"}', true) is not null, true;
set local role authenticated;
select 'North sees its own conversation only', array_agg(id) = array['e1000000-0000-4000-8000-000000000001'::uuid] from conversations;
select 'North sees its own messages only', count(*) = 1 from messages;
reset role;

rollback;
