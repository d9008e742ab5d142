"""Lines of a server log -> the statements that they are of, under ceilings on what is held back meanwhile."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from leaktrace.ledger.formats import RejectedRow
from leaktrace.ledger.pgaudit.lines import AuditLine
from leaktrace.ledger.pgaudit.record import AuditRecord, Refused, parse_audit_record
from leaktrace.ledger.pgaudit.statement import STATEMENT_CEILING_CHARACTERS

SESSION_CEILING_COUNT = 20_000
"""Sessions remembered at a time; one that was silent for longer starts anew."""
WAIT_CEILING_COUNT = 5_000
"""Statements held back until their session's next line says that they are complete."""
HELD_CEILING_CHARACTERS = 50_000_000
"""Texts, parameters and names held for statements that wait, and as many for what sessions said; a packed log of one
text repeated is small, so the count of statements alone bounds nothing. Beyond it the oldest statements are given out,
and the oldest sessions forgotten: each by its own measure, for what sessions remember tears no statement apart."""
_OBJECT_CHARACTERS = 64
"""What a value costs besides its text."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a line says that its session asked."""

    text: str | None
    """Null: not logged, or longer than is looked into; then only its digest is kept."""
    parameters: tuple[str | None, ...]
    digest: str
    """SHA-256 of the whole text; of the empty one where it was not logged."""

    @property
    def size_characters(self) -> int:
        """About what it takes to hold it."""
        return len(self.text or "") + sum(len(value or "") + _OBJECT_CHARACTERS for value in self.parameters)


@dataclass(slots=True)
class Group:
    """Lines of one statement."""

    first: AuditLine
    """Without its payload."""
    statement_id: int
    said: Said
    ordinal: int = 0
    """Which statement of a text that has several."""
    records: list[AuditRecord] = field(default_factory=list)
    """Without text and parameters, which are the group's."""
    identities: set[tuple[str, int, str]] = field(default_factory=set)
    complete: bool = False
    size_characters: int = 0


@dataclass(slots=True)
class _Session:
    group: Group | None = None
    statement_id: int | None = None
    said: dict[int, Said] = field(default_factory=dict)
    """Substatement -> what it said, for `<previously logged>`; of the statement with that number only."""
    size_characters: int = 0


def grouped(lines: Iterable[AuditLine | RejectedRow]) -> Iterator[Group | RejectedRow]:
    """Statements and refused lines in the file's order, a statement where its first line stands."""
    grouping = _Grouping()
    for line in lines:
        grouping.put(line)
        yield from grouping.ready()
    yield from grouping.waiting


class _Grouping:
    """Sessions, and the statements of which more lines may come."""

    def __init__(self) -> None:
        self.waiting: deque[Group | RejectedRow] = deque()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._waiting_characters = 0
        self._session_characters = 0

    def put(self, line: AuditLine | RejectedRow) -> None:
        """Take a line to the statement it belongs to, or in line as the first of its own."""
        item = line if isinstance(line, RejectedRow) else self._placed(line)
        if item is not None:
            self.waiting.append(item)

    def ready(self) -> Iterator[Group | RejectedRow]:
        """What is complete, or held back beyond the ceilings."""
        while self.waiting and (
            _is_ready(self.waiting[0])
            or len(self.waiting) > WAIT_CEILING_COUNT
            or self._waiting_characters > HELD_CEILING_CHARACTERS
        ):
            item = self.waiting.popleft()
            if isinstance(item, Group):
                item.complete = True
                self._waiting_characters -= item.size_characters
            yield item

    def _forget_oldest(self) -> None:
        _, oldest = self._sessions.popitem(last=False)
        self._session_characters -= oldest.size_characters
        if oldest.group is not None:
            oldest.group.complete = True

    def _placed(self, line: AuditLine) -> Group | RejectedRow | None:
        """A new group that the line opens, or None where it belongs to one or is of no reading kind."""
        record = parse_audit_record(line.payload)
        if isinstance(record, Refused):
            return RejectedRow(line.source_row, record.reason)
        session = self._session(f"{line.session} {line.user}")
        if not record.previously_logged:
            said = self._remembered(session, record)
        elif session.statement_id == record.statement_id and record.substatement_id in session.said:
            said = session.said[record.substatement_id]
        else:
            return RejectedRow(line.source_row, "its statement was logged earlier, in a line that is not in this file")
        while len(self._sessions) > 1 and self._session_characters > HELD_CEILING_CHARACTERS:
            self._forget_oldest()  # never the line's own: it is the youngest
        if record.audit_class not in ("READ", "WRITE") or record.command == "PREPARE":
            return None
        return self._joined(session, replace(line, payload=""), record, said)

    def _session(self, name: str) -> _Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session()
            self._count(session, len(name) + _OBJECT_CHARACTERS)
        self._sessions.move_to_end(name)
        if len(self._sessions) > SESSION_CEILING_COUNT:
            self._forget_oldest()
        return session

    def _remembered(self, session: _Session, record: AuditRecord) -> Said:
        if session.statement_id != record.statement_id:
            session.statement_id = record.statement_id
            self._count(session, -sum(said.size_characters for said in session.said.values()))
            session.said = {}
        before = session.said.get(record.substatement_id)
        said = session.said[record.substatement_id] = _said_in(record)
        self._count(session, said.size_characters - (before.size_characters if before else 0))
        return said

    def _joined(self, session: _Session, line: AuditLine, record: AuditRecord, said: Said) -> Group | None:
        identity = (record.audit_type, record.substatement_id, record.object_name)
        held = session.group
        if held is not None and (held.statement_id, held.said) == (record.statement_id, said):
            again = identity in held.identities
            if not again or abs((line.at - held.first.at).total_seconds()) < 1:
                # Of a statement that was given out already the whole text was read, and it says who was shown.
                if not held.complete:
                    self._add(held, record, identity)
                return None
        fresh = Group(line, record.statement_id, said)
        if held is not None:
            held.complete = True
            if held.said.digest == said.digest and held.statement_id != record.statement_id:
                fresh.ordinal = held.ordinal + 1
        self._count(fresh, said.size_characters + len(line.user) + len(line.tool or ""))
        self._add(fresh, record, identity)
        session.group = fresh
        return fresh

    def _add(self, group: Group, record: AuditRecord, identity: tuple[str, int, str]) -> None:
        group.records.append(replace(record, statement=None, parameters=()))
        group.identities.add(identity)
        self._count(group, len(record.object_name) + len(record.object_type) + len(record.command) + _OBJECT_CHARACTERS)

    def _count(self, holder: Group | _Session, characters: int) -> None:
        holder.size_characters += characters
        if isinstance(holder, Group):
            self._waiting_characters += characters
        else:
            self._session_characters += characters


def _is_ready(item: Group | RejectedRow) -> bool:
    return isinstance(item, RejectedRow) or item.complete


def _said_in(record: AuditRecord) -> Said:
    text = record.statement or ""
    held = None if len(text) > STATEMENT_CEILING_CHARACTERS else record.statement
    return Said(held, record.parameters, hashlib.sha256(text.encode()).hexdigest())
