COPY (SELECT customer_id, email, locale FROM customers ORDER BY customer_id) TO STDOUT (FORMAT csv);
\echo SHOWN :SQLSTATE :ROW_COUNT export other customer_id;email;locale ALL
COPY customers (customer_id, region) TO STDOUT (FORMAT csv);
\echo SHOWN :SQLSTATE :ROW_COUNT export other customer_id;region ALL
COPY customers TO STDOUT (FORMAT csv);
\echo SHOWN :SQLSTATE :ROW_COUNT export other customer_id;name;email;phone;region;jurisdiction;locale;joined_on ALL
