"""What the reader of each recovered original saw: its text, without what the reporter's own client wrote around it.

The originals of a message are those of `read_mail`, in the same order; one without a text has the empty text.
"""

from __future__ import annotations

from leaktrace.mailroom.arf import COMPLAINTS, find_feedback
from leaktrace.mailroom.attached import attached_messages
from leaktrace.mailroom.inline import find_forward
from leaktrace.mailroom.mime import CeilingReached, Part, TextBudget, read_message
from leaktrace.mailroom.texts import body_texts
from leaktrace.settings import Settings


def shown_texts(raw: bytes, original_count: int, settings: Settings) -> tuple[str, ...]:
    """The texts of a message's originals. What cannot be told apart from the reporter's words is left empty."""
    budget = TextBudget(settings.text_ceiling_bytes)
    try:
        found = _texts(read_message(raw, settings), budget)
    except CeilingReached:
        found = []
    # Another number of originals means another reading of the message: then no text is anybody's for certain.
    return tuple(found) if len(found) == original_count else ("",) * original_count


def _texts(message: Part, budget: TextBudget) -> list[str]:
    feedback = find_feedback(message)
    if feedback is not None:
        if feedback.kind not in COMPLAINTS:
            return []
        return [_body(inner, budget) for inner in attached_messages(message)] or [""]
    forward = find_forward(body_texts(message, budget), message.text("subject"))
    if forward is not None:
        return [forward.text.text[forward.block.end :]]
    return [_body(inner, budget) for inner in attached_messages(message)]


def _body(message: Part, budget: TextBudget) -> str:
    return "\n".join(text.text for text in body_texts(message, budget)[:1])
