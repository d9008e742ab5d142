"""Records to JSON: attributes by the same names."""

from __future__ import annotations

import dataclasses
import functools
import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

_SAME_IN_JSON = frozenset((str, int, float, bool, type(None)))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    return tuple(one.name for one in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def to_document(record: Any) -> Any:
    """What JSON says of a record: its attributes by the same names, times as ISO 8601 in UTC."""
    kind: Any = type(record)
    if kind in _SAME_IN_JSON:
        return record
    if isinstance(record, list | tuple | set | frozenset):
        return [value if type(value) in _SAME_IN_JSON else to_document(value) for value in record]
    if (names := _field_names(kind)) is not None:
        values = [(name, getattr(record, name)) for name in names]
        return {name: value if type(value) in _SAME_IN_JSON else to_document(value) for name, value in values}
    if isinstance(record, datetime):
        return record.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(record, date):
        return record.isoformat()
    if isinstance(record, dict):
        return {str(key): to_document(value) for key, value in record.items()}
    if isinstance(record, np.generic):
        return record.item()
    return record


def to_json(record: Any, *, indent: int | None = 2) -> str:
    """One JSON document of a record or a list of records; refuses NaN, keeps every script readable."""
    return json.dumps(to_document(record), ensure_ascii=False, allow_nan=False, indent=indent)
