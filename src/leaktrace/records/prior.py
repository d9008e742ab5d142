"""What was believed of a campaign beforehand, and how many wrong names were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PriorSource = Literal["setting", "learned", "file"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What was believed of a campaign before its own reports were read."""

    insider_probability: float
    """Chance that the campaign has a source inside; shared out over `uniform_over` principals."""
    setting: float
    """The setting `insider_prior_probability`; learning goes no higher."""
    learned_from_campaigns: int
    """Other mail campaigns of this workspace that were weighed before and tell something."""
    share_low: float | None
    """Share of those with an insider, 95 % interval; null where there are none."""
    share_high: float | None
    other_causes_mean: float | None
    """Share of their reports that came of another cause than somebody inside; shown, not used. Null: none."""
    other_causes_low: float | None
    other_causes_high: float | None
    source: PriorSource
    uniform_over: int
    """Principals who had been shown the field at all in the window."""
    file_digest: str | None
    """SHA-256 of the file of weights, null without one."""
    file_weight_count: int
    """Weights of the file that are of one of these principals."""
    file_unknown_count: int
    """Weights of somebody else: they count nothing."""
    file_clipped_count: int
    """Weights that were bounded."""
    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """How many wrong names this workspace may be expected to have given, this finding included."""

    spent: float
    """Expected wrong names: over all persons ever named here, the chance that it was somebody else."""
    allowed: float
    """The setting `error_budget_names`, or what the naming threshold leaves to each person named, if that is more."""
    named_count: int
    """Persons ever named here."""
    look_count: int
    """Looks at this campaign: traces with other evidence than the one before."""
    sentence: str
