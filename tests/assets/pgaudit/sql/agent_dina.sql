SELECT name, email FROM customers WHERE customer_id = 'C-0030';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0030
SELECT email FROM customers WHERE customer_id = 'C-0026';
\echo SHOWN :SQLSTATE :ROW_COUNT view key email C-0026
UPDATE customers SET phone = '+1 202 555 0198' WHERE customer_id = 'C-0032' RETURNING name, email, phone;
\echo SHOWN :SQLSTATE :ROW_COUNT update key name;email;phone C-0032
-- Changes a telephone number and shows nothing.
UPDATE customers SET phone = '+1 202 555 0197' WHERE customer_id = 'C-0033';
SELECT split_part(email, '@', 2) AS mail_domain FROM customers WHERE customer_id = 'C-0035';
\echo SHOWN :SQLSTATE :ROW_COUNT view key email C-0035
SELECT c.name
  FROM customers c
 WHERE c.customer_id = 'C-0036'
   AND EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id OR true);
\echo SHOWN :SQLSTATE :ROW_COUNT view key name C-0036
SELECT name, nosuchcolumn FROM customers WHERE customer_id = 'C-0037';
