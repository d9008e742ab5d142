"""An exposure list in numbers: how many customers, which fields, where they live; nobody's id in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from leaktrace.caserecords import ExposureList
from leaktrace.records import to_document
from leaktrace.response.duties.places import spelled


@dataclass(frozen=True, slots=True)
class ExposureSummary:
    """An exposure list in numbers: nobody's id in it."""

    customer_count: int
    by_certainty: dict[str, int]
    by_field: dict[str, int]
    """Field -> customers for whom the log or a mail shows it."""
    by_jurisdiction: dict[str, int]
    """Where they live -> customers; `unknown` for those of whom it is not known."""
    access_count: int
    only_email: str
    only_email_reason: str
    fields_in_mail: dict[str, int]
    notes: tuple[str, ...]


def summary_of(exposure: ExposureList) -> ExposureSummary:
    """The numbers of a list."""
    return summary_of_document(to_document(exposure))


def summary_of_document(document: dict[str, Any]) -> ExposureSummary:
    """The numbers of a list as it is kept: canonical JSON, read back."""
    rows = document["rows"]
    return ExposureSummary(
        customer_count=len(rows),
        by_certainty=dict(sorted(Counter(row["certainty"] for row in rows).items())),
        by_field=dict(sorted(Counter(one for row in rows for one in (*row["fields"], *row["widened_by"])).items())),
        by_jurisdiction=dict(sorted(Counter(_residence(row["jurisdiction"]) for row in rows).items())),
        access_count=sum(row["access_count"] for row in rows),
        only_email=document["only_email"],
        only_email_reason=document["only_email_reason"],
        fields_in_mail=document["fields_in_mail"],
        notes=tuple(document["notes"]),
    )


def _residence(written: str | None) -> str:
    """One spelling of a place, as duties and notices read it: `FR-PF` and `PF` are one."""
    return spelled(written or "") or written or "unknown"
