"""The payload of one pgaudit message, as pgaudit's README ("Format") describes it.

`AUDIT: TYPE,STATEMENT_ID,SUBSTATEMENT_ID,CLASS,COMMAND,OBJECT_TYPE,OBJECT_NAME,STATEMENT,PARAMETER[,ROWS]` in CSV
quoting; PARAMETER is itself a CSV row inside one field. A payload is parsed or refused, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

AuditClass = Literal["READ", "WRITE", "FUNCTION", "ROLE", "DDL", "MISC", "MISC_SET"]
PAYLOAD_MARK = "AUDIT: "

_TYPES = ("SESSION", "OBJECT")
_CLASSES: dict[str, AuditClass] = {
    "READ": "READ",
    "WRITE": "WRITE",
    "FUNCTION": "FUNCTION",
    "ROLE": "ROLE",
    "DDL": "DDL",
    "MISC": "MISC",
    "MISC_SET": "MISC_SET",
}
PARAMETERS_CEILING_COUNT = 65_535
"""Of one statement (PostgreSQL manual, appendix K)."""
_SUPPRESSED = "<long param suppressed>"
_NOT_LOGGED = "<not logged>"
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_FIELD = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"(?=,|\Z)|([^",\n]*+)(?=,|\Z)')


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One audited statement and one relation of it."""

    audit_type: Literal["SESSION", "OBJECT"]
    statement_id: int
    substatement_id: int
    audit_class: AuditClass
    command: str
    object_type: str
    """TABLE, VIEW and so on; empty where pgaudit.log_relation is off."""
    object_name: str
    """Schema-qualified; empty where pgaudit.log_relation is off."""
    statement: str | None
    """Null: not logged (`pgaudit.log_statement = off`) or said to stand in an earlier line."""
    previously_logged: bool
    """The statement and its parameters stand in an earlier line of the same session."""
    parameters: tuple[str | None, ...]
    """Values of $1, $2 ...; null for one that was NULL, empty or too long for the log."""
    row_count: int | None
    """Rows retrieved or changed; null where pgaudit.log_rows is off."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A payload or statement that could not be read, and why; the reason repeats no value."""

    reason: str


def split_csv(record: str) -> tuple[str, ...] | Refused:
    """The fields of one CSV record, quotes taken off; a quoted field may hold commas, quotes and newlines."""
    fields: list[str] = []
    position = 0
    while True:
        match = _FIELD.match(record, position)
        if match is None:
            return Refused("a quoted field is not closed or not quoted as CSV")
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        if match.end() == len(record):
            return tuple(fields)
        position = match.end() + 1


def parse_audit_record(text: str) -> AuditRecord | Refused:
    """One payload, with or without `AUDIT: ` in front, its statement's newlines as they were written."""
    fields = split_csv(text.removeprefix(PAYLOAD_MARK))
    if isinstance(fields, Refused):
        return fields
    if len(fields) not in (9, 10):
        return Refused(f"the AUDIT entry has {len(fields)} fields instead of 9, or 10 with pgaudit.log_rows")
    audit_type, statement_id, substatement_id, class_name, command, object_type, object_name, statement, values = (
        fields[:9]
    )
    if audit_type not in _TYPES:
        return Refused("the AUDIT entry is neither SESSION nor OBJECT")
    if not _ID.fullmatch(statement_id) or not _ID.fullmatch(substatement_id):
        return Refused("a statement number of the AUDIT entry is no whole number")
    if class_name not in _CLASSES:
        return Refused("the AUDIT entry has a class that pgaudit does not write")
    if len(fields) == 10 and not _ID.fullmatch(fields[9]):
        return Refused("the row count of the AUDIT entry is no whole number")
    parameters = _parameters(values)
    if isinstance(parameters, Refused):
        return parameters
    previously_logged = statement == "<previously logged>"
    return AuditRecord(
        audit_type="SESSION" if audit_type == "SESSION" else "OBJECT",
        statement_id=int(statement_id),
        substatement_id=int(substatement_id),
        audit_class=_CLASSES[class_name],
        command=command,
        object_type=object_type,
        object_name=object_name,
        statement=None if previously_logged or statement == _NOT_LOGGED else statement,
        previously_logged=previously_logged,
        parameters=parameters,
        row_count=int(fields[9]) if len(fields) == 10 else None,
    )


def _parameters(values: str) -> tuple[str | None, ...] | Refused:
    if values in ("<none>", _NOT_LOGGED, "<previously logged>", ""):
        return ()
    fields = split_csv(values)
    if isinstance(fields, Refused):
        return Refused("the parameters of the AUDIT entry are not quoted as CSV")
    if len(fields) > PARAMETERS_CEILING_COUNT:
        return Refused(f"the AUDIT entry has {len(fields)} parameters; PostgreSQL takes {PARAMETERS_CEILING_COUNT}")
    return tuple(None if field in ("", _SUPPRESSED) else field for field in fields)


_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*+)"|([^",{}\\\s][^",{}\\]*+)', re.DOTALL)


def split_array(literal: str) -> tuple[str, ...] | None:
    """The elements of a one-dimensional PostgreSQL array literal, as `{a,"b c"}`; None for any other text.

    PostgreSQL manual, 8.15.6. An element NULL is left out: nothing equals it.
    """
    if not (literal.startswith("{") and literal.endswith("}")):
        return None
    inner = literal[1:-1]
    if not inner.strip():
        return ()
    elements: list[str] = []
    position = 0
    while True:
        while position < len(inner) and inner[position].isspace():
            position += 1
        match = _ELEMENT.match(inner, position)
        if match is None:
            return None
        quoted, plain = match.groups()
        if quoted is not None:
            elements.append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        elif plain.strip().upper() != "NULL":
            elements.append(plain.strip())
        position = match.end()
        while position < len(inner) and inner[position].isspace():
            position += 1
        if position == len(inner):
            return tuple(elements)
        if inner[position] != ",":
            return None
        position += 1
