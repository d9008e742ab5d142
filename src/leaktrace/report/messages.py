"""What messages are, for a terminal: what strangers wrote in them is shown as text and never obeyed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from leaktrace.records import MessageRecord
from leaktrace.report import words


def render_messages(records: Sequence[MessageRecord]) -> Text:
    """Each message with what it is, who sent it where that is known, and the originals in it."""
    return Text("\n".join(line for one in records for line in _lines(one)) or "No message in there.")


def _lines(record: MessageRecord) -> list[str]:
    told = [record.kind + (f" ({record.reason})" if record.reason else "")]
    if record.arrival is not None:
        sender = record.reporter.address or "no address"
        told.append(f"    {sender} is {record.arrival.sender}: {record.arrival.reason}")
    told += [
        f"    {one.form} {one.grade}: from {one.sender.address or 'no address'}, '{one.subject or ''}'"
        for one in record.originals
    ]
    first, *more = map(words.plain, told)
    # A file's name may be no text at all: its bytes are shown as the console script shows them elsewhere.
    file = (record.file or "").encode("utf-8", "backslashreplace").decode("utf-8")
    return [f"{words.plain(file)}: {first}", *more]
