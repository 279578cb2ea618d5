-- What must be true afterwards, claim by claim. Everything it writes to try things out is rolled back.
begin;

select 'customer_profiles exists' as claim, to_regclass('public.customer_profiles') is not null as holds;

select 'customer_channel_preferences exists', to_regclass('public.customer_channel_preferences') is not null;

select 'conversations has customer_id, a uuid',
       exists (select from pg_attribute where attrelid = 'public.conversations'::regclass and attname = 'customer_id'
               and atttypid = 'uuid'::regtype and not attisdropped);

select 'every foreign key is there and proved',
       array_agg(format('%s -> %s', conrelid::regclass, confrelid::regclass) order by 1) @> array[
         'conversations -> customer_profiles', 'customer_channel_preferences -> customer_profiles', 'messages -> conversations']
       and bool_and(convalidated)
from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace;

select 'customer_id is indexed, and no index is invalid',
       bool_or(indrelid = 'public.conversations'::regclass and pg_get_indexdef(indexrelid) like '%(customer_id)')
       and bool_and(indisvalid)
from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = 'public'::regnamespace;

select 'the indexes that were promised are there', count(*) = 8 and bool_and(indisvalid)
from pg_index join pg_class c on c.oid = indexrelid
where c.relnamespace = 'public'::regnamespace and c.relname in (
  'conversations_customer_id_idx', 'conversations_user_id_open_idx', 'conversations_assigned_to_idx',
  'messages_conversation_id_created_at_idx', 'messages_external_id_idx',
  'customer_profiles_user_id_email_idx', 'customer_profiles_user_id_phone_idx', 'customer_profiles_tags_idx');

select 'what the conversations lacked is there', count(*) = 6
from pg_attribute where attrelid = 'public.conversations'::regclass and not attisdropped
and attname in ('customer_id', 'subject', 'priority', 'assigned_to', 'last_message_at', 'updated_at');

select 'preferences are of a customer and a channel, once', count(*) = 1
from pg_constraint where conrelid = 'public.customer_channel_preferences'::regclass and contype = 'u'
and pg_get_constraintdef(oid) = 'UNIQUE (customer_id, channel)';

select 'nobody without an account may do anything',
       not bool_or(has_table_privilege('anon', c.oid, 'select') or has_table_privilege('anon', c.oid, 'insert'))
from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace;

select 'row-level security is on for every table, each with a policy',
       bool_and(relrowsecurity and exists (select from pg_policy where polrelid = c.oid))
from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace;

select 'no row was lost',
       (select count(*) from conversations) = 3 and (select count(*) from messages) = 4
       and (select count(*) from conversations where customer_email = 'ines@example.com') = 2;

select 'every conversation with an email has its customer, one per business', count(*) = 2 and count(distinct p.id) = 2
from conversations c join customer_profiles p on p.id = c.customer_id and p.user_id = c.user_id and p.name = 'Ines';

-- The references work.
insert into customer_profiles (id, user_id, name, phone) values
  ('d0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'Tomek', '+48500000000');
insert into customer_channel_preferences (customer_id, channel)
  values ('d0000000-0000-4000-8000-000000000001', 'whatsapp');
update conversations set customer_id = 'd0000000-0000-4000-8000-000000000001', customer_name = null
  where id = 'c0000000-0000-4000-8000-000000000002';

select 'a conversation finds its customer', customer = 'Tomek' and messages = 1
from conversation_overview where id = 'c0000000-0000-4000-8000-000000000002';

do $$
begin
  update conversations set customer_id = 'd0000000-0000-4000-8000-00000000dead';
  raise exception 'a customer that does not exist was accepted';
exception when foreign_key_violation then null;
end $$;

do $$
begin
  insert into customer_channel_preferences (customer_id, channel) values ('d0000000-0000-4000-8000-00000000dead', 'sms');
  raise exception 'preferences of a customer that does not exist were accepted';
exception when foreign_key_violation then null;
end $$;

select 'updated_at follows', updated_at = now() from conversations
where id = 'c0000000-0000-4000-8000-000000000002';

-- A customer who goes takes the preferences along, and leaves the conversation.
delete from customer_profiles where id = 'd0000000-0000-4000-8000-000000000001';
select 'the preferences of a customer go with the customer', count(*) = 0 from customer_channel_preferences;
select 'the conversations of a customer stay', customer_id is null
from conversations where id = 'c0000000-0000-4000-8000-000000000002';

-- Row-level security, as the bakery sees it.
set local role authenticated;
set local request.jwt.claims = '{"sub": "a0000000-0000-4000-8000-000000000002"}';

select 'a business sees its own conversations', array_agg(id) = array['c0000000-0000-4000-8000-000000000003'::uuid]
from conversations;

select 'a business sees no one else''s customers',
       count(*) = 1 and bool_and(user_id = 'a0000000-0000-4000-8000-000000000002') from customer_profiles;

select 'a business reads its own messages only', array_agg(body) = array['Are the rolls vegan?'] from messages;

update conversations set status = 'waiting';
select 'a business changes its own conversations only', count(*) = 1 from conversations where status = 'waiting';

do $$
begin
  insert into conversations (user_id, channel) values ('a0000000-0000-4000-8000-000000000001', 'web');
  raise exception 'a conversation of another business was accepted';
exception when insufficient_privilege then null;
end $$;

reset role;

select 'the other business''s conversations are as they were', count(*) = 2 and bool_and(status = 'open')
from conversations where user_id = 'a0000000-0000-4000-8000-000000000001';

rollback;
