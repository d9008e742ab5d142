SELECT c.name, c.email FROM customers AS c WHERE c.customer_id = 'C-0011';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0011
SELECT name, region, email FROM desk_cards WHERE customer_id = 'C-0017';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;region;email C-0017
SELECT name, region FROM customers WHERE customer_id = 'C-0022';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;region C-0022
SELECT o.order_id, o.product, c.email
  FROM orders o
  JOIN customers c ON c.customer_id = o.customer_id
 WHERE o.customer_id = 'C-0015'
 ORDER BY o.order_id;
\echo SHOWN :SQLSTATE :ROW_COUNT view key order_id;product;email C-0015
SELECT name -- the caller says he is "O'Neill, Jr."
  FROM customers /* not 'C-0012' */
 WHERE customer_id = 'C-0010';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name C-0010
SELECT name, email FROM customers WHERE customer_id = ANY (ARRAY['C-0012', 'C-0014']);
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0012 C-0014
-- Who is this number? The statement does not say which customer it shows.
SELECT name, email FROM customers WHERE phone = '+1 202 555 0126';
\echo SHOWN :SQLSTATE :ROW_COUNT search other name;email C-0026
