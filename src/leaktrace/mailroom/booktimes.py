"""How the mail book writes a time: as ISO 8601 to be told again, as microseconds since 1970 to be compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY_MICROS = 86_400_000_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def micros_of(at: datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if at is None else (at - _BEGINNING) // timedelta(microseconds=1)


def instant_of_micros(micros: int | None) -> datetime | None:
    """The time that `micros_of` wrote."""
    return None if micros is None else _BEGINNING + timedelta(microseconds=micros)


def text_of(at: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat()


def instant_of_text(text: str | None) -> datetime | None:
    """The time that `text_of` wrote."""
    return None if text is None else datetime.fromisoformat(text)
