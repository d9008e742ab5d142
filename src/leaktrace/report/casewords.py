"""What happened in a case, event by event, in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.caserecords import RecordedEvent
from leaktrace.eventwords import event_sentence
from leaktrace.report import words


def render_timeline(events: tuple[RecordedEvent, ...]) -> RenderableType:
    """When, who, what; a day is written once."""
    table = Table("Time (UTC)", "Who", "What", box=None, pad_edge=False)
    day = ""
    for one in events:
        today, moment = one.entry.at.strftime("%Y-%m-%d"), one.entry.at.strftime("%H:%M:%S")
        if today != day:
            table.add_row(Text(today, style="bold"), "", "")
            day = today
        table.add_row(moment, Text(words.plain(one.actor)), Text(words.plain(event_sentence(one.event))))
    return Group(table)
