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
    lines = [f"{record.file}: {record.kind}" + (f" ({record.reason})" if record.reason else "")]
    if record.arrival is not None:
        told = record.arrival
        lines.append(f"    {record.reporter.address or 'no address'} is {told.sender}: {told.reason}")
    lines += [
        f"    {one.form} {one.grade}: from {one.sender.address or 'no address'}, '{one.subject or ''}'"
        for one in record.originals
    ]
    return [words.plain(line) for line in lines]
