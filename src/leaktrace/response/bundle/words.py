"""Each event of a case in one plain sentence, for the timeline of the report: short enough for a cell of a table."""

from __future__ import annotations

from leaktrace.caserecords import CaseEvent
from leaktrace.eventwords import event_sentence

_MAX_CHARACTERS = 320


def sentence_of(event: CaseEvent) -> str:
    """What happened, on one line; of a long text the beginning: the event itself is in the bundle's log."""
    plain = " ".join(event_sentence(event).split())
    if len(plain) > _MAX_CHARACTERS:
        return plain[:_MAX_CHARACTERS].rstrip() + " …"
    return plain if plain.endswith((".", "!", "?", "…")) else f"{plain}."
