"""Numbers and times in words, the same on every screen, page and paper."""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "not known"


def count(amount: int, one: str, many: str | None = None) -> str:
    """`1 report`, `1,200 reports`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def size(amount_bytes: int) -> str:
    """`3.2 MB`, decimal units."""
    value = float(amount_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def instant(moment: datetime | None) -> str:
    """`2026-03-04 09:15 UTC`."""
    return UNKNOWN if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
