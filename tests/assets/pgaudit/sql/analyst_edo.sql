SELECT region, count(*) FROM customers GROUP BY region ORDER BY region;
\echo SHOWN :SQLSTATE :ROW_COUNT search group region ALL
SELECT name, region FROM customers WHERE region = 'North';
\echo SHOWN :SQLSTATE :ROW_COUNT search other name;region REGION:North
SELECT * FROM customers;
\echo SHOWN :SQLSTATE :ROW_COUNT search other customer_id;name;email;phone;region;jurisdiction;locale;joined_on ALL
BEGIN;
DECLARE page CURSOR FOR SELECT name, region FROM customers WHERE customer_id = 'C-0018';
FETCH ALL FROM page;
\echo SHOWN :SQLSTATE :ROW_COUNT view key name;region C-0018
COMMIT;
EXPLAIN (COSTS off) SELECT email FROM customers WHERE customer_id = 'C-0020';
CREATE TEMP TABLE mine AS SELECT customer_id, name FROM customers WHERE region = 'East';
\echo SHOWN :SQLSTATE :ROW_COUNT export other customer_id;name REGION:East
INSERT INTO mine SELECT customer_id, name FROM customers WHERE customer_id = 'C-0021';
\echo SHOWN :SQLSTATE :ROW_COUNT export key customer_id;name C-0021
