"""PostgreSQL's audit log by pgaudit, as the server wrote it: csvlog or stderr.

What a row says and what it does not: the principal is the session's login role (`SET ROLE` is not in the log's
prefix); the fields are columns of the select list, whatever they are renamed to, and never those of predicates; a
statement that gave no row (`pgaudit.log_rows`) showed nothing; a copy into another table (INSERT ... SELECT, CREATE
TABLE AS) is an export, and what is read from the copy later is not seen. `SELECT *` shows the snapshot's columns, or
without one those that the log's statements name, and the field `*` for the rest.
"""

from leaktrace.ledger.pgaudit.options import PgauditOptions, options_from_document
from leaktrace.ledger.pgaudit.reader import read_pgaudit
from leaktrace.ledger.pgaudit.record import AuditRecord, Refused, parse_audit_record

__all__ = [
    "AuditRecord",
    "PgauditOptions",
    "Refused",
    "options_from_document",
    "parse_audit_record",
    "read_pgaudit",
]
