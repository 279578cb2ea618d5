-- A view that counts the keys of every customer.
CREATE OR REPLACE VIEW customer_stats AS
SELECT c.id, c.name, count(ak.id) AS keys
FROM customers c
LEFT JOIN api_keys ak ON c.id = ak.customer_id
GROUP BY c.id;
