"""Events to JSON documents and back. Pure: the closed set of `caserecords`, each field by its declared type.

A document with another set of fields, or a value of another type, is refused: nothing is guessed, nothing dropped.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

from leaktrace.caserecords import EVENT_KINDS, CaseEvent, canonical
from leaktrace.errors import CaseError


def event_bytes(event: CaseEvent) -> bytes:
    """The event as canonical JSON."""
    return canonical(event)


def event_from(kind: str, raw: bytes) -> CaseEvent:
    """The event of this kind that `event_bytes` wrote; CaseError for anything else."""
    found = EVENT_KINDS.get(kind)
    if found is None:
        raise CaseError(f"There is no event '{kind}'.", "A newer leaktrace wrote it: install that one.")
    try:
        event: CaseEvent = _made(found, _TYPES[kind], json.loads(raw))
    except (ValueError, TypeError, RecursionError) as error:
        raise CaseError(f"A stored {kind} cannot be read.", "Restore the workspace from a backup.") from error
    return event


def _made(kind: type[Any], wanted: dict[str, Any], document: Any) -> Any:
    if not isinstance(document, dict) or set(document) != set(wanted):
        raise ValueError("an object with other fields, or none")
    return kind(**{name: _value(wanted[name], document[name]) for name in wanted})


def _types(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


_TYPES: dict[str, dict[str, Any]] = {name: _types(kind) for name, kind in EVENT_KINDS.items()}


def _value(wanted: Any, value: Any) -> Any:
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(wanted), value)
    if origin is Literal:
        if value not in get_args(wanted):
            raise ValueError("a word outside its closed set")
        return value
    if origin is tuple:
        return tuple(_value(get_args(wanted)[0], one) for one in _typed(list, value))
    if origin is frozenset:
        return frozenset(_value(get_args(wanted)[0], one) for one in _typed(list, value))
    if origin is dict:
        return {_typed(str, key): _value(get_args(wanted)[1], one) for key, one in _typed(dict, value).items()}
    if wanted is datetime:
        return _instant(_typed(str, value))
    return _typed(wanted, value)


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        if type(None) in kinds:
            return None
        raise TypeError("null where something is needed")
    for kind in kinds:
        if kind is not type(None):
            return _value(kind, value)
    raise TypeError("no kind fits")


def _typed(kind: Any, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind} was expected")
    return value


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
