SELECT name, email FROM customers WHERE customer_id = 'C-0001';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0001
SELECT name, email FROM customers WHERE customer_id = 'C-0003';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0003
SELECT name, phone FROM customers WHERE customer_id = 'C-0011';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;phone C-0011
SELECT * FROM customers WHERE customer_id = 'C-0008';
\echo SHOWN :SQLSTATE :ROW_COUNT view key customer_id;name;email;phone;region;jurisdiction;locale;joined_on C-0008
PREPARE card (text) AS SELECT name, email, region FROM customers WHERE customer_id = $1;
EXECUTE card('C-0002');
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email;region C-0002
EXECUTE card('C-0004');
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email;region C-0004
SELECT email FROM customers WHERE customer_id IN ('C-0006', 'C-0007');
\echo SHOWN :SQLSTATE :ROW_COUNT view key email C-0006 C-0007
UPDATE customers SET phone = '+1 202 555 0199' WHERE customer_id = 'C-0006' RETURNING customer_id, phone;
\echo SHOWN :SQLSTATE :ROW_COUNT update key customer_id;phone C-0006
-- Nobody was shown anything by these.
SELECT count(*) FROM customers WHERE region = 'North';
SELECT name, email FROM customers WHERE customer_id = 'C-9999';
SELECT product, price_cents FROM products ORDER BY product;
