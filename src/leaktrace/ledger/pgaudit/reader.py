"""The row reader of `--format pgaudit`: a server log -> accesses, bulk reads and refused lines.

pgaudit writes one line for each table of a statement (`log_relation`), for session and object logging, and again for
a COPY around a query: lines of one session with the same statement number and text are one read.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from leaktrace.ledger.formats import AccessRow, RejectedRow
from leaktrace.ledger.pgaudit.lines import AuditLine, audit_lines
from leaktrace.ledger.pgaudit.options import PgauditOptions
from leaktrace.ledger.pgaudit.reads import Catalog, Shown, shown_by
from leaktrace.ledger.pgaudit.record import AuditRecord, Refused, parse_audit_record
from leaktrace.ledger.pgaudit.scopes import Statement, StatementText
from leaktrace.ledger.pgaudit.snapshot import read_snapshot
from leaktrace.ledger.pgaudit.statement import read_statements

TOOL = "postgresql"
"""The tool of a session that gave itself no application name."""
SESSION_CEILING_COUNT = 20_000
"""Sessions remembered at a time; one that was silent for longer starts anew."""
WAIT_CEILING_COUNT = 5_000
"""Statements held back until their session's next line says that they are complete."""
_UNCOUNTED = ("COPY", "DECLARE CURSOR")
"""Commands whose row count pgaudit does not know and writes as 0."""
_VIEWS = ("VIEW", "MATERIALIZED VIEW")


@dataclass(slots=True)
class _Group:
    """Lines of one statement."""

    first: AuditLine
    statement_id: int
    text: str | None
    parameters: tuple[str | None, ...]
    records: list[AuditRecord] = field(default_factory=list)
    complete: bool = False
    ordinal: int = 0
    """Which statement of a text that has several."""


@dataclass(slots=True)
class _Session:
    group: _Group | None = None
    texts: dict[tuple[int, int], tuple[str | None, tuple[str | None, ...]]] = field(default_factory=dict)
    """(statement, substatement) -> text and parameters, for `<previously logged>`."""


def read_pgaudit(path: Path, options: PgauditOptions | None = None) -> Iterator[AccessRow | RejectedRow]:
    """Accesses of one server log, csvlog or stderr, plain or packed with gzip or zstd.

    LedgerError where the file is no server log or its lines do not say who and when.
    """
    options = options or PgauditOptions()
    snapshot = read_snapshot(options.snapshot, options) if options.snapshot else None
    catalog = Catalog(options, _columns_seen(path, options), snapshot)
    for item in _groups(audit_lines(path, options)):
        if isinstance(item, RejectedRow):
            yield item
        else:
            yield from _rows(item, catalog)


def _columns_seen(path: Path, options: PgauditOptions) -> dict[str, frozenset[str]]:
    """Table -> columns that statements of the log read from it: at least these a `SELECT *` shows."""
    seen: dict[str, set[str]] = {}
    for line in audit_lines(path, options):
        record = None if isinstance(line, RejectedRow) else parse_audit_record(line.payload)
        if not isinstance(record, AuditRecord) or record.statement is None:
            continue
        text = read_statements(record.statement) if record.audit_class in ("READ", "WRITE") else None
        for scope in (scope for each in _listed(text) for scope in each.scopes):
            tables = {relation.alias: relation.bare_name.lower() for relation in scope.relations}
            for output in scope.outputs:
                if output.alias in tables and output.column != "*":
                    seen.setdefault(tables[output.alias], set()).add(output.column.lower())
    return {table: frozenset(columns) for table, columns in seen.items()}


def _listed(text: StatementText | Refused | None) -> tuple[Statement, ...]:
    return text.statements if isinstance(text, StatementText) else ()


# --- lines to statements ----------------------------------------------------------------------------------


def _groups(lines: Iterator[AuditLine | RejectedRow]) -> Iterator[_Group | RejectedRow]:
    """Statements and refused lines in the file's order, a statement where its first line stands."""
    sessions: OrderedDict[str, _Session] = OrderedDict()
    waiting: deque[_Group | RejectedRow] = deque()
    for line in lines:
        item = line if isinstance(line, RejectedRow) else _placed(line, sessions)
        if item is not None:
            waiting.append(item)
        while waiting and (_is_ready(waiting[0]) or len(waiting) > WAIT_CEILING_COUNT):
            yield waiting.popleft()
    yield from waiting


def _is_ready(item: _Group | RejectedRow) -> bool:
    return isinstance(item, RejectedRow) or item.complete


def _placed(line: AuditLine, sessions: OrderedDict[str, _Session]) -> _Group | RejectedRow | None:
    """A new group that the line opens, or None where it belongs to one or is of no reading kind."""
    record = parse_audit_record(line.payload)
    if isinstance(record, Refused):
        return RejectedRow(line.source_row, record.reason)
    session = sessions.setdefault(f"{line.session} {line.user}", _Session())
    sessions.move_to_end(f"{line.session} {line.user}")
    if len(sessions) > SESSION_CEILING_COUNT:
        _, oldest = sessions.popitem(last=False)
        if oldest.group is not None:
            oldest.group.complete = True
    place = (record.statement_id, record.substatement_id)
    if record.previously_logged:
        if place not in session.texts:
            return RejectedRow(line.source_row, "its statement was logged earlier, in a line that is not in this file")
        text, parameters = session.texts[place]
    else:
        text, parameters = record.statement, record.parameters
        session.texts = {at: said for at, said in session.texts.items() if at[0] == place[0]}
        session.texts[place] = (text, parameters)
    if record.audit_class not in ("READ", "WRITE") or record.command == "PREPARE":
        return None
    return _joined(session, line, record, _Group(line, record.statement_id, text, parameters))


def _joined(session: _Session, line: AuditLine, record: AuditRecord, fresh: _Group) -> _Group | None:
    held = session.group
    if held is not None and (held.statement_id, held.text, held.parameters) == (
        fresh.statement_id,
        fresh.text,
        fresh.parameters,
    ):
        again = any(_identity(record) == _identity(each) for each in held.records)
        if not again or abs((line.at - held.first.at).total_seconds()) < 1:
            held.records.append(record)
            return None
    if held is not None:
        held.complete = True
        if held.text == fresh.text and held.statement_id != fresh.statement_id:
            fresh.ordinal = held.ordinal + 1
    fresh.records.append(record)
    session.group = fresh
    return fresh


def _identity(record: AuditRecord) -> tuple[str, int, str]:
    return record.audit_type, record.substatement_id, record.object_name


# --- statements to rows -----------------------------------------------------------------------------------


def _rows(group: _Group, catalog: Catalog) -> Iterator[AccessRow]:
    counts = [record.row_count for record in group.records if record.command not in _UNCOUNTED]
    known = [count for count in counts if count is not None]
    row_count = max(known) if known else None
    if row_count == 0:
        return  # the server gave no row: nobody was shown anything
    tool = group.first.tool or TOOL
    digest = hashlib.sha256((group.text or "").encode()).hexdigest()
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
                statement_digest=digest if customer is None else None,
            )


def _shown(group: _Group, row_count: int | None, catalog: Catalog) -> tuple[Shown, ...]:
    read = {record.object_name: record.object_type for record in group.records if record.audit_class == "READ"}
    read.pop("", None)
    unseen = Shown(None, (), "export" if any(each.command == "COPY" for each in group.records) else "search")
    text = read_statements(group.text) if group.text is not None else Refused("not logged")
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
    parameters = {**dict(enumerate(group.parameters, 1)), **text.constants}
    shown = shown_by(statement, parameters, row_count, catalog)
    return (*shown, unseen) if hidden and not views else shown


def _meant(group: _Group, statements: tuple[Statement, ...], read: dict[str, str]) -> Statement:
    """Of a text with several statements pgaudit logs each with the whole text, in their order."""
    names = {name.rpartition(".")[2].lower() for name in read}
    count = len(statements)
    for step in range(count):
        candidate = statements[(group.ordinal + step) % count]
        if not names or names & candidate.mentioned:
            return candidate
    return statements[group.ordinal % count]
