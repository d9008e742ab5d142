"""Whose key was whose when: from the log of people, so that old signatures are judged by the key of their time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from leaktrace.caserecords import PersonChanged, PersonEnrolled, RecordedEvent
from leaktrace.cases.signing.dsse import SignerKey


@dataclass(frozen=True, slots=True)
class KeySpan:
    """A person's key, and the stretch of the custody log in which it was theirs."""

    person: str
    public_key: str
    """Raw Ed25519 public key, hex."""
    from_index: int
    """The entry that made it theirs."""
    to_index: int | None = None
    """The entry that ended it, no longer included: another key, or the person left. Null: it is theirs still."""


def key_spans(events: Iterable[RecordedEvent]) -> tuple[KeySpan, ...]:
    """Every key that anybody ever had, in the order of the log. Events of other kinds are passed over."""
    spans: list[KeySpan] = []
    current: dict[str, int] = {}
    for one in sorted(events, key=lambda recorded: recorded.entry.index):
        event, index = one.event, one.entry.index
        if not isinstance(event, PersonEnrolled | PersonChanged):
            continue
        is_active = not isinstance(event, PersonChanged) or event.active
        place = current.get(event.person)
        if place is not None and is_active and spans[place].public_key == event.public_key:
            continue
        if place is not None:
            spans[place] = replace(spans[place], to_index=index)
            del current[event.person]
        if is_active:
            current[event.person] = len(spans)
            spans.append(KeySpan(event.person, event.public_key, index))
    return tuple(spans)


def keys_at(spans: Iterable[KeySpan], index: int) -> tuple[SignerKey, ...]:
    """The keys that were in force when the log held the entries before `index`: what `dsse.verify` is given."""
    return tuple(
        SignerKey(span.person, span.public_key)
        for span in spans
        if span.from_index < index and (span.to_index is None or index <= span.to_index)
    )
