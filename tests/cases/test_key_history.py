"""Old signatures are judged by the key of their time; a key that was given up signs nothing new."""

from __future__ import annotations

import pytest

from leaktrace.caserecords import CaseEvent, LogEntry, NoteAdded, PersonChanged, PersonEnrolled, RecordedEvent
from leaktrace.cases.signing.dsse import signed, signed_too, verify
from leaktrace.cases.signing.history import KeySpan, key_spans, keys_at
from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import ApprovalError
from tests.cases.custody_logs import START

OLD, NEW, OTTO = (PersonKey.fresh(name) for name in ("ina", "ina", "otto"))


def recorded(index: int, event: CaseEvent) -> RecordedEvent:
    return RecordedEvent(LogEntry(index, "-", type(event).__name__, START, "0" * 64), event, "root", "00" * 32)


def enrolled(index: int, key: PersonKey) -> RecordedEvent:
    return recorded(index, PersonEnrolled(key.name, ("investigator",), key.key_id, key.public_key))


def changed(index: int, key: PersonKey, *, active: bool = True) -> RecordedEvent:
    return recorded(index, PersonChanged(key.name, ("investigator",), active, key.key_id, key.public_key, "lost"))


HISTORY = (
    enrolled(0, OLD),
    enrolled(1, OTTO),
    recorded(2, NoteAdded("nothing about keys")),
    changed(3, OLD),  # roles only
    changed(5, NEW),
    changed(8, OTTO, active=False),
    changed(9, OTTO),
)


def test_every_key_has_its_stretch_of_the_log() -> None:
    assert key_spans(reversed(HISTORY)) == (
        KeySpan("ina", OLD.public_key, 0, 5),
        KeySpan("otto", OTTO.public_key, 1, 8),
        KeySpan("ina", NEW.public_key, 5),
        KeySpan("otto", OTTO.public_key, 9),
    )


def test_a_signature_holds_with_the_key_of_its_time_only() -> None:
    spans = key_spans(HISTORY)
    before = signed_too(signed("t", b"x", OLD), OTTO)
    assert verify(before, keys_at(spans, 4), 2).people == {"ina", "otto"}
    assert verify(before, keys_at(spans, 5), 2).people == {"ina", "otto"}
    # Whoever finds the old key afterwards signs nothing with it.
    with pytest.raises(ApprovalError, match="1 known people"):
        verify(before, keys_at(spans, 6), 2)
    after = signed_too(signed("t", b"x", NEW), OTTO)
    assert verify(after, keys_at(spans, 7), 2).people == {"ina", "otto"}
    with pytest.raises(ApprovalError):
        verify(after, keys_at(spans, 5), 2)
    # Somebody who had left approves nothing; back again they do.
    with pytest.raises(ApprovalError):
        verify(after, keys_at(spans, 9), 2)
    assert verify(after, keys_at(spans, 10), 2).people == {"ina", "otto"}
    assert keys_at(spans, 0) == ()
