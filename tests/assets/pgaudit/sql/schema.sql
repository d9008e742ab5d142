-- A small marketplace: forty customers, their orders, and a view that a help desk would use.
CREATE TABLE customers (
    customer_id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    region text NOT NULL,
    jurisdiction text NOT NULL,
    locale text NOT NULL,
    joined_on date NOT NULL
);
CREATE TABLE orders (
    order_id integer PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers,
    seller text NOT NULL,
    product text NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE TABLE products (product text PRIMARY KEY, price_cents integer NOT NULL);
CREATE VIEW desk_cards AS
    SELECT customer_id, name, region, email FROM customers;
CREATE FUNCTION card_of(wanted text) RETURNS TABLE (name text, email text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT c.name, c.email FROM customers c WHERE c.customer_id = wanted;
END $$;

INSERT INTO customers VALUES
    ('C-0001', 'Amina Farouk', 'amina.farouk@example.org', '+1 202 555 0101', 'West', 'IE', 'en', '2023-02-06'),
    ('C-0002', 'Bruno Keller', 'bruno.keller@example.org', '+1 202 555 0102', 'East', 'CZ', 'cs', '2023-03-11'),
    ('C-0003', 'Chiara Conti', 'cconti@example.org', '+1 202 555 0103', 'South', 'ES', 'es', '2023-04-16'),
    ('C-0004', 'Daniel Osei', 'daniel.osei@example.org', '+1 202 555 0104', 'North', 'SE', 'sv', '2023-05-21'),
    ('C-0005', 'Elif Yildiz', 'elif.yildiz@example.org', '+1 202 555 0105', 'West', 'IE', 'en', '2023-06-26'),
    ('C-0006', 'Farah Nazari', 'fnazari@example.org', '+1 202 555 0106', 'East', 'CZ', 'cs', '2023-07-03'),
    ('C-0007', 'Goran Petrovic', 'goran.petrovic@example.org', '+1 202 555 0107', 'South', 'ES', 'es', '2023-08-08'),
    ('C-0008', 'Hana Suzuki', 'hana.suzuki@example.org', '+1 202 555 0108', 'North', 'SE', 'sv', '2023-09-13'),
    ('C-0009', 'Ivan Horvat', 'ihorvat@example.org', '+1 202 555 0109', 'West', 'IE', 'en', '2023-10-18'),
    ('C-0010', 'Jana Novak', 'jana.novak@example.org', '+1 202 555 0110', 'East', 'CZ', 'cs', '2023-11-23'),
    ('C-0011', 'Kofi Mensah', 'kofi.mensah@example.org', '+1 202 555 0111', 'South', 'ES', 'es', '2023-12-28'),
    ('C-0012', 'Laila Haddad', 'lhaddad@example.org', '+1 202 555 0112', 'North', 'SE', 'sv', '2023-01-05'),
    ('C-0013', 'Mateo Rojas', 'mateo.rojas@example.org', '+1 202 555 0113', 'West', 'IE', 'en', '2023-02-10'),
    ('C-0014', 'Nadia Rahimi', 'nadia.rahimi@example.org', '+1 202 555 0114', 'East', 'CZ', 'cs', '2023-03-15'),
    ('C-0015', 'Oskar Lindqvist', 'olindqvist@example.org', '+1 202 555 0115', 'South', 'ES', 'es', '2023-04-20'),
    ('C-0016', 'Priya Nair', 'priya.nair@example.org', '+1 202 555 0116', 'North', 'SE', 'sv', '2023-05-25'),
    ('C-0017', 'Quentin Moreau', 'quentin.moreau@example.org', '+1 202 555 0117', 'West', 'IE', 'en', '2023-06-02'),
    ('C-0018', 'Rosa Ibarra', 'ribarra@example.org', '+1 202 555 0118', 'East', 'CZ', 'cs', '2023-07-07'),
    ('C-0019', 'Samir Khoury', 'samir.khoury@example.org', '+1 202 555 0119', 'South', 'ES', 'es', '2023-08-12'),
    ('C-0020', 'Tara Lynch', 'tara.lynch@example.org', '+1 202 555 0120', 'North', 'SE', 'sv', '2023-09-17'),
    ('C-0021', 'Umar Siddiqui', 'usiddiqui@example.org', '+1 202 555 0121', 'West', 'IE', 'en', '2023-10-22'),
    ('C-0022', 'Vera Kovacs', 'vera.kovacs@example.org', '+1 202 555 0122', 'East', 'CZ', 'cs', '2023-11-27'),
    ('C-0023', 'Wanda Zielinska', 'wanda.zielinska@example.org', '+1 202 555 0123', 'South', 'ES', 'es', '2023-12-04'),
    ('C-0024', 'Xenia Pappas', 'xpappas@example.org', '+1 202 555 0124', 'North', 'SE', 'sv', '2023-01-09'),
    ('C-0025', 'Yusuf Demir', 'yusuf.demir@example.org', '+1 202 555 0125', 'West', 'IE', 'en', '2023-02-14'),
    ('C-0026', 'Zara Hosseini', 'zara.hosseini@example.org', '+1 202 555 0126', 'East', 'CZ', 'cs', '2023-03-19'),
    ('C-0027', 'Anton Berg', 'aberg@example.org', '+1 202 555 0127', 'South', 'ES', 'es', '2023-04-24'),
    ('C-0028', 'Beatriz Lopes', 'beatriz.lopes@example.org', '+1 202 555 0128', 'North', 'SE', 'sv', '2023-05-01'),
    ('C-0029', 'Cem Aydin', 'cem.aydin@example.org', '+1 202 555 0129', 'West', 'IE', 'en', '2023-06-06'),
    ('C-0030', 'Dora Fischer', 'dfischer@example.org', '+1 202 555 0130', 'East', 'CZ', 'cs', '2023-07-11'),
    ('C-0031', 'Emil Jensen', 'emil.jensen@example.org', '+1 202 555 0131', 'South', 'ES', 'es', '2023-08-16'),
    ('C-0032', 'Fiona Walsh', 'fiona.walsh@example.org', '+1 202 555 0132', 'North', 'SE', 'sv', '2023-09-21'),
    ('C-0033', 'Gita Sharma', 'gsharma@example.org', '+1 202 555 0133', 'West', 'IE', 'en', '2023-10-26'),
    ('C-0034', 'Hugo Laurent', 'hugo.laurent@example.org', '+1 202 555 0134', 'East', 'CZ', 'cs', '2023-11-03'),
    ('C-0035', 'Ines Duarte', 'ines.duarte@example.org', '+1 202 555 0135', 'South', 'ES', 'es', '2023-12-08'),
    ('C-0036', 'Jonas Weber', 'jweber@example.org', '+1 202 555 0136', 'North', 'SE', 'sv', '2023-01-13'),
    ('C-0037', 'Karim Bennani', 'karim.bennani@example.org', '+1 202 555 0137', 'West', 'IE', 'en', '2023-02-18'),
    ('C-0038', 'Lena Schwarz', 'lena.schwarz@example.org', '+1 202 555 0138', 'East', 'CZ', 'cs', '2023-03-23'),
    ('C-0039', 'Milan Dvorak', 'mdvorak@example.org', '+1 202 555 0139', 'South', 'ES', 'es', '2023-04-28'),
    ('C-0040', 'Nora Haugen', 'nora.haugen@example.org', '+1 202 555 0140', 'North', 'SE', 'sv', '2023-05-05');

INSERT INTO products VALUES ('lamp', 900), ('kettle', 1250), ('scarf', 1600), ('desk', 1950), ('novel', 2300), ('charger', 2650);

INSERT INTO orders VALUES
    (1, 'C-0016', 'S-103', 'lamp', '2024-12-13 14:09:00+00'),
    (2, 'C-0006', 'S-101', 'lamp', '2024-07-18 21:18:00+00'),
    (3, 'C-0004', 'S-102', 'novel', '2024-09-12 11:49:00+00'),
    (4, 'C-0012', 'S-101', 'scarf', '2024-04-01 20:41:00+00'),
    (5, 'C-0017', 'S-103', 'kettle', '2024-03-10 11:40:00+00'),
    (6, 'C-0024', 'S-101', 'novel', '2024-06-22 13:32:00+00'),
    (7, 'C-0016', 'S-102', 'kettle', '2024-08-09 08:59:00+00'),
    (8, 'C-0036', 'S-103', 'lamp', '2024-05-19 18:56:00+00'),
    (9, 'C-0020', 'S-102', 'desk', '2024-07-20 11:27:00+00'),
    (10, 'C-0029', 'S-102', 'kettle', '2024-05-09 20:51:00+00'),
    (11, 'C-0003', 'S-101', 'lamp', '2024-08-21 11:33:00+00'),
    (12, 'C-0035', 'S-104', 'charger', '2024-06-05 17:12:00+00'),
    (13, 'C-0005', 'S-104', 'kettle', '2024-11-21 14:17:00+00'),
    (14, 'C-0012', 'S-103', 'desk', '2024-12-19 12:40:00+00'),
    (15, 'C-0036', 'S-102', 'scarf', '2024-02-27 07:45:00+00'),
    (16, 'C-0015', 'S-103', 'novel', '2024-10-28 10:07:00+00'),
    (17, 'C-0022', 'S-102', 'scarf', '2024-08-01 07:22:00+00'),
    (18, 'C-0006', 'S-103', 'charger', '2024-11-11 07:20:00+00'),
    (19, 'C-0019', 'S-103', 'kettle', '2024-11-14 20:55:00+00'),
    (20, 'C-0040', 'S-101', 'scarf', '2024-10-07 21:28:00+00'),
    (21, 'C-0019', 'S-102', 'scarf', '2024-07-20 09:21:00+00'),
    (22, 'C-0037', 'S-101', 'scarf', '2024-01-15 09:23:00+00'),
    (23, 'C-0024', 'S-103', 'novel', '2024-02-15 10:27:00+00'),
    (24, 'C-0014', 'S-101', 'lamp', '2024-01-02 18:10:00+00'),
    (25, 'C-0039', 'S-102', 'novel', '2024-01-18 14:37:00+00'),
    (26, 'C-0016', 'S-103', 'lamp', '2024-02-27 15:18:00+00'),
    (27, 'C-0027', 'S-102', 'desk', '2024-04-08 14:26:00+00'),
    (28, 'C-0032', 'S-101', 'kettle', '2024-07-15 10:41:00+00'),
    (29, 'C-0028', 'S-102', 'desk', '2024-04-02 07:16:00+00'),
    (30, 'C-0017', 'S-102', 'novel', '2024-04-25 10:26:00+00'),
    (31, 'C-0017', 'S-102', 'scarf', '2024-01-11 16:07:00+00'),
    (32, 'C-0037', 'S-104', 'charger', '2024-11-28 19:45:00+00'),
    (33, 'C-0003', 'S-104', 'desk', '2024-02-14 10:59:00+00'),
    (34, 'C-0037', 'S-102', 'scarf', '2024-05-22 14:51:00+00'),
    (35, 'C-0021', 'S-104', 'novel', '2024-04-21 19:43:00+00'),
    (36, 'C-0018', 'S-103', 'desk', '2024-08-03 20:17:00+00'),
    (37, 'C-0013', 'S-101', 'desk', '2024-10-05 19:17:00+00'),
    (38, 'C-0004', 'S-102', 'charger', '2024-11-15 16:30:00+00'),
    (39, 'C-0026', 'S-104', 'kettle', '2024-01-07 21:10:00+00'),
    (40, 'C-0001', 'S-103', 'lamp', '2024-07-26 19:50:00+00'),
    (41, 'C-0025', 'S-102', 'novel', '2024-01-07 09:42:00+00'),
    (42, 'C-0039', 'S-103', 'novel', '2024-08-17 14:01:00+00'),
    (43, 'C-0006', 'S-101', 'charger', '2024-10-04 14:35:00+00'),
    (44, 'C-0017', 'S-102', 'lamp', '2024-06-03 19:56:00+00'),
    (45, 'C-0034', 'S-101', 'scarf', '2024-06-27 08:05:00+00'),
    (46, 'C-0035', 'S-104', 'desk', '2024-04-26 11:24:00+00'),
    (47, 'C-0015', 'S-104', 'desk', '2024-02-03 08:58:00+00'),
    (48, 'C-0040', 'S-103', 'novel', '2024-07-14 20:45:00+00'),
    (49, 'C-0029', 'S-101', 'charger', '2024-04-21 11:59:00+00'),
    (50, 'C-0031', 'S-104', 'lamp', '2024-09-06 12:55:00+00'),
    (51, 'C-0011', 'S-102', 'charger', '2024-03-11 14:55:00+00'),
    (52, 'C-0022', 'S-103', 'novel', '2024-01-23 09:00:00+00'),
    (53, 'C-0020', 'S-101', 'novel', '2024-02-16 19:45:00+00'),
    (54, 'C-0039', 'S-104', 'novel', '2024-02-17 10:26:00+00'),
    (55, 'C-0019', 'S-103', 'kettle', '2024-03-28 17:00:00+00'),
    (56, 'C-0004', 'S-103', 'novel', '2024-08-26 21:36:00+00'),
    (57, 'C-0020', 'S-104', 'novel', '2024-10-15 13:09:00+00'),
    (58, 'C-0017', 'S-103', 'charger', '2024-06-05 13:05:00+00'),
    (59, 'C-0039', 'S-102', 'charger', '2024-10-06 11:57:00+00'),
    (60, 'C-0024', 'S-102', 'novel', '2024-06-22 16:56:00+00');

CREATE ROLE agent_amara LOGIN;
CREATE ROLE agent_bela LOGIN;
CREATE ROLE agent_chen LOGIN;
CREATE ROLE agent_dina LOGIN;
CREATE ROLE analyst_edo LOGIN;
CREATE ROLE svc_orders LOGIN;
CREATE ROLE svc_newsletter LOGIN;
GRANT SELECT ON customers, orders, products, desk_cards
    TO agent_amara, agent_bela, agent_chen, agent_dina, analyst_edo, svc_orders, svc_newsletter;
GRANT UPDATE (phone) ON customers TO agent_amara, agent_dina;
