-- The migration as somebody had tried it: api_keys has no customer_id.
CREATE OR REPLACE VIEW customer_stats WITH (security_invoker = true) AS
SELECT c.id, c.name, count(DISTINCT u.id) AS user_count, count(DISTINCT sh.id) AS search_count,
       count(DISTINCT ak.id) AS api_key_count
FROM customers c
LEFT JOIN users u ON c.id = u.customer_id
LEFT JOIN search_history sh ON c.id = sh.customer_id
LEFT JOIN api_keys ak ON c.id = ak.customer_id
GROUP BY c.id, c.name;
