"""Every kind of event has a sentence that a prosecutor can read."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from leaktrace.caserecords import EVENT_KINDS, ContainmentStepDone, NoteAdded
from leaktrace.eventwords import event_sentence
from leaktrace.response.bundle.words import sentence_of


def made(kind: type[Any]) -> Any:
    """An event of this kind, filled by the types of its fields."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name]) for field in dataclasses.fields(kind)})


def _value(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in {str, int, bool, datetime}:
        return {str: "word", int: 3, bool: True, datetime: datetime(2026, 3, 4, tzinfo=UTC)}[hint]
    if origin is tuple:
        return (_value(arguments[0]),)
    if origin is dict:
        return {}
    return arguments[0] if isinstance(arguments[0], str) else _value(arguments[0])


@pytest.mark.parametrize("name", sorted(EVENT_KINDS))
def test_screens_and_the_report_tell_every_event_alike(name: str) -> None:
    event = made(EVENT_KINDS[name])
    told = sentence_of(event)
    assert told.removesuffix(".") == event_sentence(event).removesuffix(".")
    assert told.endswith(".")
    assert not told.startswith(name), told


def test_a_long_text_is_told_by_its_beginning_on_one_line() -> None:
    told = sentence_of(NoteAdded("a\nb " + "word " * 200))
    assert told.startswith("a b word")
    assert told.endswith(" …")
    assert len(told) < 330


def test_a_step_that_only_begins_is_neither_done_nor_answered() -> None:
    begun = ContainmentStepDone("A-0001", "P-1", "identity: suspend begins", True, "")
    assert sentence_of(begun) == "A-0001, P-1: identity: suspend begins."
    # What a system answered is not what it did: "contained" is what reading back showed.
    assert sentence_of(ContainmentStepDone("A-0001", "P-1", "identity: suspend", True, "")).endswith("answered.")
