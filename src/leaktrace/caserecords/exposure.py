"""The frozen exposure list: whose data, which fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from leaktrace.caserecords.basics import Certainty
from leaktrace.caserecords.spelling import digest_of
from leaktrace.errors import CaseError


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """One customer of a frozen exposure list."""

    customer: str
    """The id as ingested: the list is sealed evidence."""
    certainty: Certainty
    fields: tuple[str, ...]
    """Fields that were shown, sorted."""
    first_shown_at: datetime
    jurisdiction: str | None
    """ISO 3166, or with subdivision (`US-CA`); null: not known."""
    locale: str | None
    access_count: int
    """Accesses behind it."""
    widened_by: tuple[str, ...] = ()
    """Fields the mail shows although the log does not: `name`, `order`, `phone`, …"""


EXPOSURE_SCHEMA = "leaktrace.exposure/1"


@dataclass(frozen=True, slots=True)
class ExposureList:
    """Whose data, which fields: fixed and hashed before anybody is told."""

    campaign: str
    finding_sha256: str
    frozen_at: datetime
    rows: tuple[ExposureRow, ...]
    """By customer id."""
    only_email: Literal["yes", "no", "cannot_be_said"]
    only_email_reason: str
    window_start_at: datetime | None
    window_end_at: datetime
    notes: tuple[str, ...] = ()
    fields_in_mail: dict[str, int] = field(default_factory=dict)
    """Field seen in the unwanted mails themselves -> mails that show it."""
    schema: str = EXPOSURE_SCHEMA

    def sha256(self) -> str:
        """Of the canonical document."""
        return digest_of(self)


def exposure_of(document: Mapping[str, Any]) -> ExposureList:
    """A list from its kept document, canonical JSON read back: the same list, with the same digest.

    CaseError where it is none.
    """
    if document.get("schema") != EXPOSURE_SCHEMA:
        raise CaseError("This is no exposure list.", "Freeze it anew: leaktrace case exposure CASE --freeze.")
    start = document["window_start_at"]
    return ExposureList(
        **{
            **document,
            "frozen_at": datetime.fromisoformat(document["frozen_at"]),
            "rows": tuple(_exposed(row) for row in document["rows"]),
            "window_start_at": None if start is None else datetime.fromisoformat(start),
            "window_end_at": datetime.fromisoformat(document["window_end_at"]),
            "notes": tuple(document["notes"]),
        }
    )


def _exposed(row: Mapping[str, Any]) -> ExposureRow:
    listed = {name: tuple(row[name]) for name in ("fields", "widened_by")}
    return ExposureRow(**{**row, **listed, "first_shown_at": datetime.fromisoformat(row["first_shown_at"])})
