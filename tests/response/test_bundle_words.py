"""Every kind of event has a sentence that a prosecutor can read."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from leaktrace.caserecords import EVENT_KINDS, ContainmentStepDone
from leaktrace.report.casewords import event_sentence
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
def test_no_event_is_told_by_its_fields(name: str) -> None:
    sentence = sentence_of(made(EVENT_KINDS[name]))
    assert sentence.endswith(".")
    assert not sentence.startswith(name), sentence


def test_a_step_that_only_begins_is_neither_done_nor_answered() -> None:
    begun = ContainmentStepDone("A-0001", "P-1", "identity: suspend begins", True, "")
    assert sentence_of(begun) == "A-0001, P-1: identity: suspend begins."
    assert "answered" not in event_sentence(begun)
    assert sentence_of(ContainmentStepDone("A-0001", "P-1", "identity: suspend", True, "")).endswith("suspend: done.")
