"""How the finder does on this very log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.records.basics import Window
from leaktrace.records.document import to_json

CalibrationKind = Literal[
    "one_source",
    "chosen_part",
    "two_sources",
    "random_customers",
    "one_region",
    "most_active",
    "one_team",
    "with_source",
    "no_insider",
]
"""What is planted by `calibrate`; the last two are several kinds taken together."""


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """What was said of the planted campaigns of one kind and size. Each campaign is in one of the four counts."""

    kind: CalibrationKind
    has_source: bool
    report_count: int | None
    """Reports in each campaign; null: all sizes together."""
    eligible_count: int | None
    """Principals who opened enough customers to be drawn as a source; null where there is none, or for all sizes."""
    campaign_count: int
    """Campaigns planted; fewer than asked where the log has no room for more."""
    named_rightly_count: int
    """A source is named, and nobody else."""
    named_wrongly_count: int
    """Somebody is named who is no source."""
    named_wrongly_upper_probability: float
    """Upper 95 % bound of the chance to name wrongly (Clopper and Pearson, one-sided); 1 where nothing was planted."""
    nobody_count: int
    undecided_count: int
    undecided_codes: dict[str, int]
    """Why undecided: code of the finding -> campaigns."""
    set_count: int
    """Campaigns with a source whose answer holds a set."""
    covered_count: int
    """Of those, campaigns in which a set holds a source."""
    median_set_size: float | None
    """Principals in the first set; null where there is no set."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Candidates whose probability lies in `[low, high)` (the last bin holds 1, too), and how many were right."""

    low: float
    high: float
    candidate_count: int
    mean_probability: float
    source_share: float
    """Of these candidates, the share that are planted sources."""


@dataclass(frozen=True, slots=True)
class TeamTies:
    """A team in which no evidence, or too little, tells some colleagues apart. Nobody is accused by that."""

    team: str | None
    """Null: principals of whom no team is known."""
    looked_at_count: int
    """Principals of the team who were drawn as a source at least once."""
    tied_count: int
    """Of those, principals with a colleague of the team who was shown nearly all of the same customers."""
    campaign_count: int
    """Planted campaigns of one source of the team with at least 20 reports."""
    set_count: int
    """Of those, campaigns whose answer is a set that holds the source and a colleague of the team."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often the finder names rightly and wrongly on campaigns planted into this log."""

    schema: str
    field: str
    seed: int
    noise_probability: float
    """Chance that a report of a planted leak comes from another list."""
    mail_at: datetime
    """The moment of every planted campaign's first mail."""
    mail_spread_seconds: int
    """Within so long after it every planted mail comes."""
    window: Window
    principal_count: int
    """Principals who were shown the field of a customer in the window."""
    customer_count: int
    naming_threshold: float
    contacts_pretended: bool
    """There is no contacts table: `trace` would name nobody; here it is as if there were one."""
    log_allows_nobody: bool
    log_sentence: str
    """What the log can and cannot show for the window."""
    rows: tuple[CalibrationRow, ...]
    """One for each kind and size."""
    pooled: tuple[CalibrationRow, ...]
    """Kinds taken together: one for each size, and one for all sizes."""
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float | None
    """Expected calibration error over all candidates; null where there are none."""
    calibration_error_above_half: float | None
    """The same over candidates above one half."""
    calibration_error_by_kind: dict[str, float]
    """Kind -> the same over its candidates above one half; kinds without such candidates are left out."""
    teams: tuple[TeamTies, ...]
    """Teams with ties, most ties first."""
    assumes: tuple[str, ...]
    does_not_show: tuple[str, ...]
    version: str
    ledger_snapshot: str
    settings_digest: str

    def to_json(self) -> str:
        """The calibration as one JSON document, `leaktrace.calibration/1`."""
        return to_json(self)
