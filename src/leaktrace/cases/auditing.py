"""What an auditor reads of a case: every event, but none of the words that people wrote. Pure.

Titles, notes and reasons are written by people about people; `plainwords` keeps out ids and addresses, not a name that
was typed. An audit asks who did what, when, on whose request, and whether a reason was given: for that the length will
do. What was done outside (a step's `detail`, to whom evidence went) is the program's or a role's word and stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leaktrace.caserecords import CONCERNED, RecordedEvent
from leaktrace.cases.case import Request

WRITTEN_BY_PEOPLE = frozenset({"title", "summary", "text", "reason", "note"})
"""Fields of events that hold words of people. A test sorts every text field of every event into these or the others."""


def without_words(recorded: RecordedEvent) -> RecordedEvent:
    """The event with the length in place of what people wrote. It does not open its commitment any more."""
    return replace(recorded, event=_masked(recorded.event))


def request_without_words(request: Request) -> Request:
    """A request in the same way."""
    return replace(request, asked=_masked(request.asked))


def _masked(event: Any) -> Any:
    found = {name: getattr(event, name) for name in WRITTEN_BY_PEOPLE if hasattr(event, name)}
    return replace(event, **{name: masked(text) for name, text in found.items()})


def masked(text: str) -> str:
    """How much was written; nothing where nothing was, and what the program wrote itself stays."""
    return f"({len(text)} characters)" if text.strip() and text != CONCERNED else text
