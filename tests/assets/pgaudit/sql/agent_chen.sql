SELECT name, email FROM customers WHERE customer_id = 'C-0003';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0003
SELECT name, email FROM customers WHERE customer_id = 'C-0008';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0008
SELECT name, phone FROM customers WHERE customer_id = 'C-0019';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;phone C-0019
SELECT c.* FROM customers c WHERE c.customer_id = 'C-0011';
\echo SHOWN :SQLSTATE :ROW_COUNT view key customer_id;name;email;phone;region;jurisdiction;locale;joined_on C-0011
SELECT name, email FROM customers WHERE customer_id IN ('C-0017', 'C-0022');
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;email C-0017 C-0022
PREPARE several (text[]) AS SELECT customer_id, email FROM customers WHERE customer_id = ANY ($1);
EXECUTE several('{C-0026,C-0005,C-0013}');
\echo SHOWN :SQLSTATE :ROW_COUNT view key customer_id;email C-0026 C-0005 C-0013
SELECT name, region, email FROM desk_cards WHERE customer_id = 'C-0031';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;region;email C-0031
SELECT o.product, c.email
  FROM customers c
  LEFT JOIN orders o USING (customer_id)
 WHERE c.customer_id = 'C-0038';
\echo SHOWN :SQLSTATE :ROW_COUNT view key product;email C-0038
SELECT * FROM card_of('C-0029');
\echo SHOWN :SQLSTATE :ROW_COUNT search other name;email C-0029
SELECT upper(name) FROM customers WHERE customer_id = 'C-0034';
\echo SHOWN :SQLSTATE :ROW_COUNT view key name C-0034
