"""The row reader of `--format pgaudit`: a server log -> accesses, bulk reads and refused lines.

pgaudit writes one line for each table of a statement (`log_relation`), for session and object logging, and again for
a COPY around a query: lines of one session with the same statement number and text are one read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaktrace.ledger.formats import AccessRow, RejectedRow
from leaktrace.ledger.pgaudit.columns import ColumnsSeen
from leaktrace.ledger.pgaudit.grouping import Group, grouped
from leaktrace.ledger.pgaudit.lines import audit_lines
from leaktrace.ledger.pgaudit.options import PgauditOptions
from leaktrace.ledger.pgaudit.reads import Catalog, Shown, shown_by
from leaktrace.ledger.pgaudit.record import AuditRecord, Refused, parse_audit_record
from leaktrace.ledger.pgaudit.scopes import Statement, StatementText
from leaktrace.ledger.pgaudit.snapshot import read_snapshot
from leaktrace.ledger.pgaudit.statement import read_statements

TOOL = "postgresql"
"""The tool of a session that gave itself no application name."""
_UNCOUNTED = ("COPY", "DECLARE CURSOR")
"""Commands whose row count pgaudit does not know and writes as 0."""
_VIEWS = ("VIEW", "MATERIALIZED VIEW")


def read_pgaudit(path: Path, options: PgauditOptions | None = None) -> Iterator[AccessRow | RejectedRow]:
    """Accesses of one server log, csvlog or stderr, plain or packed with gzip or zstd.

    LedgerError where the file is no server log or its lines do not say who and when.
    """
    options = options or PgauditOptions()
    snapshot = read_snapshot(options.snapshot, options) if options.snapshot else None
    seen = _columns_seen(path, options)
    catalog = Catalog(options, seen.by_table(), snapshot, whole=seen.whole)
    for item in grouped(audit_lines(path, options)):
        if isinstance(item, RejectedRow):
            yield item
        else:
            yield from _rows(item, catalog)


def _columns_seen(path: Path, options: PgauditOptions) -> ColumnsSeen:
    """Columns that statements of the log read from a table: at least these a `SELECT *` shows."""
    seen = ColumnsSeen(options)
    for line in audit_lines(path, options):
        record = None if isinstance(line, RejectedRow) else parse_audit_record(line.payload)
        if not isinstance(record, AuditRecord) or record.statement is None:
            continue
        text = read_statements(record.statement) if record.audit_class in ("READ", "WRITE") else None
        for scope in (scope for each in _listed(text) for scope in each.scopes):
            tables = {relation.alias: relation.bare_name.lower() for relation in scope.relations}
            for output in scope.outputs:
                if output.alias in tables and output.column != "*":
                    seen.add(tables[output.alias], output.column.lower())
    return seen


def _listed(text: StatementText | Refused | None) -> tuple[Statement, ...]:
    return text.statements if isinstance(text, StatementText) else ()


# --- statements to rows -----------------------------------------------------------------------------------


def _rows(group: Group, catalog: Catalog) -> Iterator[AccessRow]:
    counts = [record.row_count for record in group.records if record.command not in _UNCOUNTED]
    known = [count for count in counts if count is not None]
    row_count = max(known) if known else None
    if row_count == 0:
        return  # the server gave no row: nobody was shown anything
    tool = group.first.tool or TOOL
    for shown in _shown(group, row_count, catalog):
        for customer in (None,) if shown.customers is None else shown.customers:
            yield AccessRow(
                at=group.first.at,
                principal=group.first.user,
                customer=customer,
                fields=shown.fields,
                action=shown.action,
                tool=tool,
                reason=None,
                source_row=group.first.source_row,
                statement_digest=group.said.digest if customer is None else None,
            )


def _shown(group: Group, row_count: int | None, catalog: Catalog) -> tuple[Shown, ...]:
    read = {record.object_name: record.object_type for record in group.records if record.audit_class == "READ"}
    read.pop("", None)
    unseen = Shown(None, (), "export" if any(each.command == "COPY" for each in group.records) else "search")
    text = read_statements(group.said.text) if group.said.text is not None else Refused("not logged")
    if isinstance(text, Refused):
        reading = any(record.audit_class == "READ" for record in group.records)
        concerned = any(catalog.holds_customers(name) for name in read) if read else reading
        return (unseen,) if concerned else ()
    if not text.statements:
        return ()
    statement = _meant(group, text.statements, read)
    views = any(
        kind in _VIEWS and name.rpartition(".")[2].lower() in statement.mentioned for name, kind in read.items()
    )
    hidden = any(
        catalog.holds_customers(name) and name.rpartition(".")[2].lower() not in statement.mentioned for name in read
    )
    parameters = {**dict(enumerate(group.said.parameters, 1)), **text.constants}
    shown = shown_by(statement, parameters, row_count, catalog)
    return (*shown, unseen) if hidden and not views else shown


def _meant(group: Group, statements: tuple[Statement, ...], read: dict[str, str]) -> Statement:
    """Of a text with several statements pgaudit logs each with the whole text, in their order."""
    names = {name.rpartition(".")[2].lower() for name in read}
    count = len(statements)
    for step in range(count):
        candidate = statements[(group.ordinal + step) % count]
        if not names or names & candidate.mentioned:
            return candidate
    return statements[group.ordinal % count]
