"""Tables of a bundle that a spreadsheet opens: accesses, exposure, timeline. Times are UTC, lists are joined by `;`.

A cell that a spreadsheet would compute has an apostrophe before it: ids and reasons are what others wrote.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from leaktrace.caserecords import ExposureList, RecordedEvent
from leaktrace.records import shown_cell, to_document
from leaktrace.response.bundle.inputs import BundledAccess
from leaktrace.response.bundle.words import sentence_of


def accesses_csv(accesses: Iterable[BundledAccess]) -> bytes:
    """One line for each access that the finding stands on, with the log file and the row it came from."""
    header = ("at", "principal", "customer", "fields", "tool", "reason", "source_sha256", "source_row")
    rows = (
        (one.at, one.principal, one.customer, one.fields, one.tool, one.reason, one.source_sha256, one.source_row)
        for one in accesses
    )
    return _table(header, rows)


def exposure_csv(exposure: ExposureList) -> bytes:
    """One line for each customer of the frozen list."""
    header = (
        "customer",
        "certainty",
        "fields",
        "first_shown_at",
        "jurisdiction",
        "locale",
        "access_count",
        "widened_by",
    )
    return _table(header, ([getattr(row, name) for name in header] for row in exposure.rows))


def names_csv(names: Mapping[str, str]) -> bytes:
    """One line for each pseudonym of the case: who it stands for in the access log."""
    return _table(("pseudonym", "id_as_ingested"), sorted(names.items()))


def timeline_csv(events: Iterable[RecordedEvent]) -> bytes:
    """One line for each disclosed event: a reading aid, the events themselves are in log/events.txt."""
    rows = ((one.entry.index, one.entry.at, one.actor, one.entry.kind, sentence_of(one.event)) for one in events)
    return _table(("log_index", "at", "actor", "event", "in_words"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return shown_cell(";".join(str(one) for one in value))
    return shown_cell(str(to_document(value)))
