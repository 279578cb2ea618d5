-- What must be true afterwards, claim by claim.
begin;

select 'both tables exist' as claim,
       to_regclass('public.conversations') is not null and to_regclass('public.messages') is not null as holds;

select 'the write-up''s own question finds both tables', count(*) = 2 from information_schema.tables
where table_schema = 'public' and table_name in ('conversations', 'messages');

select 'channels are WhatsApp, SMS and email', enum_range(null::channel)::text[] = array['whatsapp', 'sms', 'email'];

select 'messages are text, media, audio or a file', enum_range(null::message_type)::text[] = array['text', 'media', 'audio', 'file'];

select 'conversations have what was promised', array_agg(attname || ' ' || format_type(atttypid, atttypmod) order by attname) =
         array['ai_summary text', 'channel channel', 'customer_id uuid', 'distributor_id uuid', 'unread_count integer']
from pg_attribute where attrelid = 'conversations'::regclass and not attisdropped
and attname in ('ai_summary', 'channel', 'customer_id', 'distributor_id', 'unread_count');

select 'messages have what was promised', array_agg(attname || ' ' || format_type(atttypid, atttypmod) order by attname) =
         array['ai_processed boolean', 'ai_result jsonb', 'conversation_id uuid', 'external_id text', 'media_url text', 'type message_type']
from pg_attribute where attrelid = 'messages'::regclass and not attisdropped
and attname in ('ai_processed', 'ai_result', 'conversation_id', 'external_id', 'media_url', 'type');

select 'they refer to customers, distributors and each other, proved',
       array_agg(format('%s -> %s', conrelid::regclass, confrelid::regclass) order by conrelid::regclass::text, confrelid::regclass::text) =
         array['conversations -> customers', 'conversations -> distributors', 'messages -> conversations']
       and bool_and(convalidated)
from pg_constraint where contype = 'f' and conrelid in ('conversations'::regclass, 'messages'::regclass);

select 'row-level security is on for both',
       bool_and(relrowsecurity) and count(*) = 2
from pg_class where oid in ('public.conversations'::regclass, 'public.messages'::regclass);

select 'the indexes of the write-up are there',
       count(*) = 6 and bool_and(indisvalid)
from pg_index join pg_class c on c.oid = indexrelid
where c.relname in ('conversations_customer_id_idx', 'conversations_distributor_id_idx', 'conversations_channel_idx',
                    'messages_conversation_id_idx', 'messages_unprocessed_idx', 'messages_external_id_idx');

select 'each index begins with what is looked for', array_agg(attname::text order by c.relname) =
         array['channel', 'customer_id', 'distributor_id', 'conversation_id', 'external_id', 'created_at']
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where c.relname in ('conversations_customer_id_idx', 'conversations_distributor_id_idx', 'conversations_channel_idx',
                    'messages_conversation_id_idx', 'messages_unprocessed_idx', 'messages_external_id_idx');

select 'conversations that existed are on WhatsApp, unread 0',
       count(*) = 2 and bool_and(channel = 'whatsapp' and unread_count = 0) from conversations;

insert into messages (conversation_id, sender, content) values ('e1000000-0000-4000-8000-000000000001', 'customer', 'hello');
select 'a message counts as unread', unread_count = 1 from conversations where id = 'e1000000-0000-4000-8000-000000000001';

insert into messages (conversation_id, sender, content) values ('e1000000-0000-4000-8000-000000000001', 'distributor', 'hello yourself');
select 'an answer clears the count, and moves the conversation up', unread_count = 0 and last_message_at is not null
from conversations where id = 'e1000000-0000-4000-8000-000000000001';

-- A provider that delivers a message twice.
insert into messages (conversation_id, sender, content, external_id) values ('e1000000-0000-4000-8000-000000000002', 'customer', 'hi', 'SM1');
do $$
begin
  insert into messages (conversation_id, sender, content, external_id) values ('e1000000-0000-4000-8000-000000000002', 'customer', 'hi', 'SM1');
  raise exception 'a message was taken in twice';
exception when unique_violation then null;
end $$;

do $$
begin
  insert into messages (conversation_id, sender) values ('e1000000-0000-4000-8000-000000000002', 'customer');
  raise exception 'a message that says nothing was accepted';
exception when check_violation then null;
end $$;

select set_config('request.jwt.claims', '{"sub": "d0000000-0000-4000-8000-000000000001"}', true) is not null, true;
set local role authenticated;
select 'North sees its own conversation only', array_agg(id) = array['e1000000-0000-4000-8000-000000000001'::uuid] from conversations;
select 'North sees its own messages only', count(*) = 2 and bool_and(conversation_id = 'e1000000-0000-4000-8000-000000000001') from messages;
do $$
begin
  insert into public.messages (conversation_id, sender, content) values ('e1000000-0000-4000-8000-000000000002', 'distributor', 'mine');
  raise exception 'North wrote into a conversation of South';
exception when insufficient_privilege then null;
end $$;
reset role;
select 'the server''s own role sees all', has_table_privilege('service_role', 'messages', 'select')
       and has_table_privilege('service_role', 'conversations', 'delete');
select 'nobody without an account sees anything', not has_table_privilege('anon', 'messages', 'select')
       and not has_table_privilege('anon', 'conversations', 'select');

rollback;
