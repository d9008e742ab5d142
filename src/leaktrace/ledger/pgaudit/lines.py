"""A server log's file -> its AUDIT messages, whether the server wrote csvlog or stderr.

In a stderr log the server puts a tab before every line of a message but its first, so a statement cannot forge a
line of its own; in a csvlog quoting does the same. Both are relied on, and what looks like a new message inside a
statement stays part of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.ledger.formats import RejectedRow
from leaktrace.ledger.packed import open_unpacked
from leaktrace.ledger.pgaudit.options import PgauditOptions
from leaktrace.ledger.pgaudit.prefix import PREFIX_HINT, Prefix, PrefixedLine, compile_prefix, recognise
from leaktrace.ledger.pgaudit.record import PAYLOAD_MARK, Refused, parse_audit_record, split_csv
from leaktrace.ledger.pgaudit.times import NO_ZONE, UNKNOWN_ZONE, parse_log_time

RECORD_CEILING_BYTES = 8_000_000
"""A longer message is rejected; the server itself stops at one gigabyte."""
CSV_MINIMUM_COLUMNS = 23
"""PostgreSQL 9.0 to 12 write 23 columns, 13 writes 24, 14 and later 26 (manual, 20.8.4)."""

_CSV_START = re.compile(rb'[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?: [^ ,]+)?,[,"]')
_MESSAGE = re.compile(r"[^\s:]{2,20}:  AUDIT: ")
_CLIENT_COPY = re.compile(r"(?:NOTICE|WARNING|INFO|LOG|DEBUG):  AUDIT: ")
_SERVER_LINE = re.compile(r"[^\s:]{2,20}:  \S")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One AUDIT message of the log, its payload not parsed yet."""

    source_row: int
    """1-based number of its first line in the file."""
    at: datetime
    user: str
    session: str
    tool: str | None
    """The application name that the session gave itself."""
    payload: str


@dataclass(frozen=True, slots=True)
class _Chunk:
    row: int
    text: str | None
    """Null where it was over the ceiling or not UTF-8."""
    problem: str = ""


def audit_lines(path: Path, options: PgauditOptions) -> Iterator[AuditLine | RejectedRow]:
    """The AUDIT messages of one file in its order; messages of other kinds are passed over.

    LedgerError where the file is no server log or says neither who nor when.
    """
    try:
        with open_unpacked(path) as stream:
            first = stream.readline(RECORD_CEILING_BYTES)
        with open_unpacked(path) as stream:
            if _CSV_START.match(first):
                yield from _from_csvlog(path, _chunks(stream, by_quotes=True), options.zone())
            else:
                yield from _from_stderr(path, stream, options)
    except (pa.ArrowException, OSError, EOFError) as error:
        what = str(error).split("\n", 1)[0].rstrip(".")
        raise LedgerError(f"{path}: it cannot be read to its end: {what}.", "Copy the log again.") from error


def _chunks(stream: IO[bytes], *, by_quotes: bool) -> Iterator[_Chunk]:
    """Records of a file: a line with those that continue it, which an open quote or a leading tab says."""
    parts: list[bytes] = []
    row, start, size, quotes = 0, 1, 0, 0
    new_line = True
    while line := stream.readline(RECORD_CEILING_BYTES):
        row += new_line
        continues = not new_line or (quotes % 2 == 1 if by_quotes else line.startswith(b"\t"))
        if not continues:
            if size:
                yield _chunk(start, parts, size)
            parts, start, size, quotes = [], row, 0, 0
        new_line = line.endswith(b"\n")
        size += len(line)
        quotes += line.count(b'"')
        if size <= RECORD_CEILING_BYTES:
            parts.append(line)
    if size:
        yield _chunk(start, parts, size)


def _chunk(start: int, parts: list[bytes], size: int) -> _Chunk:
    if size > RECORD_CEILING_BYTES:
        return _Chunk(start, None, f"the message is longer than {RECORD_CEILING_BYTES} bytes")
    try:
        return _Chunk(start, b"".join(parts).decode("utf-8").removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        return _Chunk(start, None, "the message is not UTF-8")


def _from_csvlog(path: Path, chunks: Iterator[_Chunk], zone: ZoneInfo | None) -> Iterator[AuditLine | RejectedRow]:
    read_any = False
    for chunk in chunks:
        fields = Refused(chunk.problem) if chunk.text is None else split_csv(chunk.text)
        if not isinstance(fields, Refused) and len(fields) < CSV_MINIMUM_COLUMNS:
            fields = Refused(f"the record has {len(fields)} columns; a csvlog has {CSV_MINIMUM_COLUMNS} or more")
        if isinstance(fields, Refused):
            if not read_any:
                raise LedgerError(
                    f"{path}: row {chunk.row}: {fields.reason}.", "This is not the beginning of a PostgreSQL csvlog."
                )
            yield RejectedRow(chunk.row, fields.reason)
            continue
        message = fields[13]
        if not message.startswith(PAYLOAD_MARK):
            read_any = True
            continue
        at = parse_log_time(fields[0], zone)
        if isinstance(at, Refused):
            _refuse_file(path, chunk.row, at, first=not read_any)
            yield RejectedRow(chunk.row, at.reason)
            continue
        read_any = True
        if not fields[1]:
            yield RejectedRow(chunk.row, "the record names no role")
            continue
        tool = fields[22] or None
        yield AuditLine(chunk.row, at, fields[1], fields[5], tool, message.removeprefix(PAYLOAD_MARK))


def _refuse_file(path: Path, row: int, at: Refused, *, first: bool) -> None:
    if first and at.reason in (NO_ZONE, UNKNOWN_ZONE):
        raise LedgerError(
            f"{path}: row {row}: {at.reason}.",
            "Set log_timezone = 'UTC' on the server for the logs to come; for this one, say what log_timezone was "
            "(option log_timezone, for example Europe/Berlin).",
        )


def _from_stderr(path: Path, stream: IO[bytes], options: PgauditOptions) -> Iterator[AuditLine | RejectedRow]:
    prefix = compile_prefix(options.log_line_prefix) if options.log_line_prefix else None
    zone = options.zone()
    is_log, read_any = False, False
    for chunk in _with_client_copies(_chunks(stream, by_quotes=False)):
        if chunk.text is None:
            yield RejectedRow(chunk.row, chunk.problem)
            continue
        first = chunk.text.partition("\n")[0]
        is_log = is_log or bool(_SERVER_LINE.search(first))
        if _CLIENT_COPY.match(first):
            yield _client_copy(chunk)
            continue
        if not _MESSAGE.search(first):
            continue
        prefix = prefix or _recognised(path, chunk)
        line = _audit_line(chunk, prefix, zone)
        if isinstance(line, Refused):
            _refuse_file(path, chunk.row, line, first=not read_any)
            yield RejectedRow(chunk.row, line.reason)
            continue
        read_any = True
        yield line
    if not is_log and path.stat().st_size:
        raise LedgerError(f"{path}: this is no PostgreSQL log.", "A stderr log or a csvlog of the server is read.")


def _with_client_copies(chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
    """A client's copy of a message has no tabs on its further lines: its quotes say where it ends."""
    start, parts, size, quotes = 0, list[str](), 0, 0
    for chunk in chunks:
        if not parts:
            if chunk.text is None or not _CLIENT_COPY.match(chunk.text):
                yield chunk
                continue
            start, size, quotes = chunk.row, 0, 0
        text = chunk.text or ""
        parts.append(text)
        size, quotes = size + len(text), quotes + text.count('"')
        if quotes % 2 == 0 or size > RECORD_CEILING_BYTES:
            yield _Chunk(start, "\n".join(parts))
            parts = []
    if parts:
        yield _Chunk(start, "\n".join(parts))


def _client_copy(chunk: _Chunk) -> RejectedRow:
    """What psql printed of a message; the server's own log has the time and the role."""
    text = chunk.text or ""
    record = parse_audit_record(text[text.index(PAYLOAD_MARK) :])
    if isinstance(record, Refused):
        return RejectedRow(chunk.row, record.reason)
    return RejectedRow(chunk.row, "a client's copy of the message: it has no time and no role; ingest the server's log")


def _recognised(path: Path, chunk: _Chunk) -> Prefix:
    found = recognise((chunk.text or "").partition("\n")[0])
    if isinstance(found, Refused):
        raise LedgerError(f"{path}: row {chunk.row}: {found.reason}.", PREFIX_HINT)
    return found


def _audit_line(chunk: _Chunk, prefix: Prefix, zone: ZoneInfo | None) -> AuditLine | Refused:
    text = chunk.text or ""
    first, newline, rest = text.partition("\n")
    read = prefix.read(first)
    if read is None:
        return Refused("the text before AUDIT is not in the form of this log's log_line_prefix")
    if isinstance(read, Refused):
        return read
    at = parse_log_time(read.time, zone)
    if isinstance(at, Refused):
        return at
    if not read.user or read.user == "[unknown]":
        return Refused("the text before AUDIT names no role")
    tool = read.tool if read.tool not in ("", "[unknown]") else None
    return AuditLine(chunk.row, at, read.user, read.session, tool, _whole_payload(read, newline, rest))


def _whole_payload(read: PrefixedLine, newline: str, rest: str) -> str:
    """The payload without the tab that the server put before each of its further lines."""
    return read.payload + newline + "\n".join(line.removeprefix("\t") for line in rest.split("\n"))
