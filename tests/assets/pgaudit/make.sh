#!/usr/bin/env bash
# Has a real PostgreSQL server with pgaudit write the audit log that the tests and the tutorial read.
#
# Makes a throw-away cluster that listens on a Unix socket only, has seven roles look customers up, and keeps: the
# server's own log (postgresql.csv, postgresql.log), the customers (customers.csv, customers_table.csv), the orders as
# contacts (contacts.csv) and what was shown to whom (expected.json), in FOLDER if it is given (make.sh [FOLDER]), else
# beside itself. Needs root; installs system-deps.txt where the server is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here}")
root=$(cd "$here/../../.." && pwd)
compgen -G '/usr/lib/postgresql/*/lib/pgaudit.so' >/dev/null || bash "$root/tools/system-deps.sh" "$root/system-deps.txt"
bin=$(compgen -G '/usr/lib/postgresql/*/lib/pgaudit.so' | sort -V | tail -n 1)
bin=$(dirname "$(dirname "$bin")")/bin

work=$(mktemp -d)
chmod 711 "$work"
install -d -o postgres -m 700 "$work/cluster" "$work/logs"
install -d -o postgres -m 711 "$work/socket"
as_postgres() { (cd "$work" && runuser -u postgres -- "$@"); }
stop() {
    as_postgres "$bin/pg_ctl" -D "$work/cluster" -m fast -w stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT

as_postgres "$bin/initdb" -D "$work/cluster" -A trust -E UTF8 --locale=C.UTF-8 -U postgres >/dev/null
cat >> "$work/cluster/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$work/socket'
port = 54329
shared_preload_libraries = 'pgaudit'
logging_collector = on
log_directory = '$work/logs'
log_filename = 'postgresql.log'
log_destination = 'stderr,csvlog'
log_line_prefix = '%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h '
log_timezone = 'UTC'
timezone = 'UTC'
pgaudit.log = 'read,write'
pgaudit.log_catalog = off
pgaudit.log_parameter = on
pgaudit.log_relation = on
pgaudit.log_rows = on
CONF
as_postgres "$bin/pg_ctl" -D "$work/cluster" -l "$work/logs/start.log" -w start >/dev/null

export PGHOST="$work/socket" PGPORT=54329 PGDATABASE=shop
quiet() { PGOPTIONS='-c pgaudit.log=none' "$bin/psql" -X -q -v ON_ERROR_STOP=1 -U postgres "$@"; }
quiet -d postgres -c 'CREATE DATABASE shop'
quiet -c 'CREATE EXTENSION pgaudit' -f "$here/sql/schema.sql"

shown="$work/shown.txt"
session() { # role: runs its statements and keeps what they say they show
    "$bin/psql" -X -q -U "$1" -f "$here/sql/$1.sql" 2>"$work/errors" | sed -n "s/^SHOWN /$1 /p" >> "$shown"
}
driver() { # customer: one look-up with a bound parameter, as an application's driver does it
    PGAPPNAME=orders-api "$bin/pgbench" -n -t 1 -M extended -U svc_orders -D "cust=$1" \
        -f "$here/sql/svc_orders.pgbench" >/dev/null 2>&1
    echo "svc_orders 00000 1 view key name;email $1" >> "$shown"
}

session agent_amara
driver C-0017
session agent_bela
driver C-0002
session svc_newsletter
session agent_chen
driver C-0031
driver C-0040
session analyst_edo
session agent_dina
driver C-0025
"$bin/psql" -X -q -A -t -U agent_dina -c "SELECT name FROM customers WHERE customer_id = 'C-0039'; SELECT email FROM customers WHERE customer_id = 'C-0023'" >/dev/null
printf 'agent_dina 00000 1 view key name C-0039\nagent_dina 00000 1 view key email C-0023\n' >> "$shown"

quiet -c "\copy (SELECT * FROM customers ORDER BY customer_id) TO '$out/customers_table.csv' (FORMAT csv, HEADER)"
quiet -c "\copy (SELECT customer_id AS customer, email, locale, jurisdiction, region FROM customers ORDER BY 1) TO '$out/customers.csv' (FORMAT csv, HEADER)"
quiet -c "\copy (SELECT to_char(placed_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at, customer_id AS customer, seller, 'order' AS kind, product FROM orders ORDER BY placed_at, order_id) TO '$out/contacts.csv' (FORMAT csv, HEADER)"
as_postgres "$bin/pg_ctl" -D "$work/cluster" -m fast -w stop >/dev/null
cp "$work/logs/postgresql.csv" "$work/logs/postgresql.log" "$out/"
chmod 644 "$out"/postgresql.*
python3 "$here/expected.py" "$shown" "$out"
