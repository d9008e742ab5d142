"""Numbers, times and foreign text as a person reads them. Rounds so that nothing sounds surer than it is."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime

from leaktrace.records import EvidenceSummary
from leaktrace.wording import UNKNOWN, count, instant, size

__all__ = [
    "UNKNOWN",
    "bits",
    "count",
    "day",
    "days_between",
    "error_chance",
    "evidence",
    "field_noun",
    "frequency",
    "gap_kind",
    "instant",
    "listing",
    "looks",
    "number",
    "percent",
    "plain",
    "size",
]

_JOINERS = {"\u200c", "\u200d"}
"""Zero-width joiners: Persian and the Indic scripts spell with them."""
_FIELD_NOUNS = {
    "email": ("e-mail address", "e-mail addresses"),
    "phone": ("phone number", "phone numbers"),
    "address": ("postal address", "postal addresses"),
    "name": ("name", "names"),
}
_GAP_KINDS = {
    "days_without_rows": "days without rows",
    "tool_stopped": "a tool stops",
    "bulk_read": "bulk read without customers",
    "clock_step": "clock runs backwards",
    "unknown_principal": "principals without a row in the table",
    "log_starts_late": "log starts late",
    "log_ends_early": "log ends early",
    "no_accesses": "no accesses at all",
}


def plain(text: str) -> str:
    """The text with every invisible or display-changing character written out (`<U+202E>`).

    A principal's name may hold terminal escapes, line breaks, direction overrides (Unicode TR 36) or lone surrogates;
    none of them may act on a screen or a page.
    """
    return "".join(f"<U+{ord(sign):04X}>" if _acts(sign) else sign for sign in text)


def _acts(sign: str) -> bool:
    return sign not in _JOINERS and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def percent(probability: float) -> str:
    """`97 %`; near the ends never rounded to certainty: `over 99.9 %`, `under 0.1 %`."""
    if not math.isfinite(probability):
        return UNKNOWN
    if probability > 0.999:
        return "over 99.9 %"
    if probability < 0.001:
        return "under 0.1 %"
    # Rounded down above one half: 98.96 % must not read as 99 %, the threshold.
    if probability > 0.9:
        return f"{math.floor(probability * 1000 + 1e-9) / 10:g} %"
    if probability > 0.5:
        return f"{math.floor(probability * 100 + 1e-9)} %"
    return f"{probability * 100:.1f} %" if probability < 0.1 else f"{probability * 100:.0f} %"


def evidence(found: EvidenceSummary) -> str:
    """What a finding stands on, each kind by itself: `20 reports from 20 customers, 3 decoy hits`."""
    customers = found.customer_count - found.listed_count - found.decoy_hit_count
    others = (
        (found.listed_count, ("entry of a list for sale", "entries of a list for sale")),
        (found.decoy_hit_count, ("decoy hit", "decoy hits")),
        (found.silent_decoy_count, ("silent decoy", "silent decoys")),
    )
    parts = [count(many, *nouns) for many, nouns in others if many]
    if found.report_count or not parts:
        parts.insert(0, f"{count(found.report_count, 'report')} from {count(customers, 'customer')}")
    return ", ".join(parts)


def in_time(found: EvidenceSummary) -> str:
    """Before what an access counts: `before their mail came`."""
    listed = found.listed_count > 0 and found.report_count == found.decoy_hit_count == 0
    return "before the list was first offered" if listed else "before their mail came"


def error_chance(probability: float) -> str:
    """How often such a statement is wrong, in natural frequencies: `about 3 in 1,000`."""
    chance = 1.0 - probability
    if not math.isfinite(chance):
        return UNKNOWN
    if chance < 0.001:
        return "fewer than 1 in 1,000"
    if chance < 0.01:
        return f"about {math.ceil(chance * 1000 - 1e-9)} in 1,000"
    return f"about {math.ceil(chance * 100 - 1e-9)} in 100"


def frequency(rate: float) -> str:
    """A base rate in natural frequencies: `26 in 1,000`."""
    if not math.isfinite(rate):
        return UNKNOWN
    if rate <= 0:
        return "none"
    for among in (100, 1_000, 10_000, 100_000, 1_000_000):
        if rate * among >= 9.5 or (among == 100 and rate >= 0.05):
            return f"{rate * among:,.0f} in {among:,}"
    return f"{rate * 1_000_000:,.0f} in 1,000,000" if rate >= 1e-6 else "fewer than 1 in 1,000,000"


def number(value: float | None) -> str:
    """A count as it is; a mean with one decimal below 100, none above."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    if 0 < abs(value) < 0.05:
        return "under 0.05" if value > 0 else f"{value:.2f}"
    return f"{value:,.1f}"


def bits(value: float) -> str:
    """Weight with its sign written out, minus as U+2212: `+6.1`."""
    if not math.isfinite(value):
        return UNKNOWN
    rounded = round(value, 1)
    return "0.0" if rounded == 0 else f"{rounded:+,.1f}".replace("-", "\u2212")


def day(moment: datetime | None) -> str:
    """`2026-03-04`, of the UTC calendar."""
    return UNKNOWN if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d")


def field_noun(name: str, amount: int = 1) -> str:
    """What a field is called in a sentence."""
    one, many = _FIELD_NOUNS.get(name, (f"field \u201c{plain(name)}\u201d", f"fields \u201c{plain(name)}\u201d"))
    return one if amount == 1 else many


def listing(names: tuple[str, ...] | list[str]) -> str:
    """`a, b and c`."""
    shown = [plain(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def days_between(earlier: datetime | None, later: datetime | None) -> str:
    """`146 days`, `5 hours`; empty where one of the two is not known."""
    if earlier is None or later is None:
        return ""
    hours = int((later - earlier).total_seconds() // 3600)
    return count(hours // 24, "day") if hours >= 48 else count(hours, "hour")


def gap_kind(kind: str) -> str:
    """What a kind of gap in the log is called."""
    return _GAP_KINDS.get(kind, kind.replace("_", " "))


def looks(number: int) -> str:
    """How often a campaign was looked at, each time with other evidence."""
    return f"This is look {number:,} at this campaign."
