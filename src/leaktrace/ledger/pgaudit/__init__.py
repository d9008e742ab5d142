"""PostgreSQL's audit log by pgaudit, as the server wrote it: csvlog or stderr."""

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
