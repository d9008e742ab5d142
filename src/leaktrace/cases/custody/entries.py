"""Leaves of the custody log: how one is read back, strictly."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leaktrace.caserecords import LogEntry
from leaktrace.errors import CustodyError

MAX_LEAF_BYTES = 65_535
"""Entry bundles give the length of an entry in two bytes (C2SP tlog-tiles)."""
_SCHEMA = "leaktrace.custody/1"
_FIELDS = {"at", "case", "commitment", "index", "kind", "schema"}
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be logged; the log gives it its index."""

    case: str
    """The case's opaque id; `-` for what belongs to no case."""
    kind: str
    at: datetime
    commitment: str
    """Hex: SHA-256(salt || canonical event document)."""


def numbered(pending: Pending, index: int) -> LogEntry:
    """The entry with its place; CustodyError for one that no log takes."""
    if pending.at.tzinfo is None:
        raise CustodyError("An event without a time zone cannot be logged.", "Give an aware time, best in UTC.")
    if not _COMMITMENT.fullmatch(pending.commitment):
        raise CustodyError("An event without a commitment cannot be logged.", "It is a SHA-256 in hexadecimal.")
    return LogEntry(index, pending.case, pending.kind, pending.at, pending.commitment)


def leaf_of(entry: LogEntry) -> bytes:
    """The bytes that are hashed; CustodyError above the ceiling."""
    # The same bytes as `entry.leaf()`, which a test holds, in a quarter of the time: appending waits for it.
    at = entry.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    case, kind = json.dumps(entry.case, ensure_ascii=False), json.dumps(entry.kind, ensure_ascii=False)
    leaf = (
        f'{{"at":"{at}","case":{case},"commitment":"{entry.commitment}","index":{entry.index},"kind":{kind},'
        f'"schema":"{_SCHEMA}"}}'
    ).encode()
    if len(leaf) > MAX_LEAF_BYTES:
        raise CustodyError(
            f"An entry of {len(leaf)} bytes is too long for the custody log.", f"The ceiling is {MAX_LEAF_BYTES} bytes."
        )
    return leaf


def read_leaf(leaf: bytes) -> LogEntry:
    """The entry in a leaf. CustodyError unless the bytes are exactly what that entry is hashed as."""
    try:
        document: Any = json.loads(leaf) if len(leaf) <= MAX_LEAF_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and set(document) == _FIELDS and document["schema"] == _SCHEMA:
        with contextlib.suppress(TypeError, ValueError):
            entry = LogEntry(**{**document, "at": datetime.fromisoformat(document["at"])})
            if type(entry.index) is int and entry.at.tzinfo is not None and leaf_of(entry) == leaf:
                return entry
    raise CustodyError(
        "An entry of the custody log is not in its one spelling.", "It was not written by this program: see the copies."
    )
