"""The answer to one campaign, and its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from leaktrace.records.basics import Outcome, Window
from leaktrace.records.coverage import LogCoverage
from leaktrace.records.document import to_json
from leaktrace.records.exposure import Exposure
from leaktrace.records.prior import ErrorBudget, Prior
from leaktrace.records.why import Alternative, Why

UndecidedCode = Literal[
    "too_few_reports",
    "weak_grade",
    "indistinguishable",
    "no_contacts",
    "no_match_for_controls",
    "log_incomplete",
    "common_cause",
    "not_converged",
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A principal the finding weighed. Only those in `named` are suspected by anybody."""

    principal: str
    probability: float
    opened_count: int
    expected_opened_count: float
    weight_bits: float


@dataclass(frozen=True, slots=True)
class PrincipalSet:
    """Principals whom the evidence cannot tell apart."""

    principals: tuple[str, ...]
    probability: float
    needs_about_more_reports: int | None = None
    """To part the likeliest two; null where no number does, where it is not known, or where there is but one."""
    separated_by: str = ""
    """What would part them, in a sentence; empty where there is but one."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why no answer is given, and about how many more reports would give one (null: no number helps)."""

    code: UndecidedCode
    sentence: str
    needs_about_more_reports: int | None


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """What the finding stands on."""

    report_count: int
    customer_count: int
    listed_count: int
    decoy_hit_count: int
    silent_decoy_count: int
    window: Window


@dataclass(frozen=True, slots=True)
class MatchedOn:
    """What the controls were matched on, and how well."""

    attributes: tuple[str, ...]
    control_count: int
    reported_elsewhere_count: int
    """Controls who reported other campaigns: the best kind."""
    unmatched_report_count: int
    """Reports unlike any control."""
    overdispersion: float
    """Spread (log scale) of principals' counts beyond what the matched controls predict."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Enough for an opposing expert to compute it again."""

    version: str
    settings_digest: str
    campaign: str
    field: str
    ledger_snapshot: str
    evidence_digest: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one campaign (DESIGN 4.4)."""

    schema: str
    outcome: Outcome
    named: tuple[str, ...]
    naming_threshold: float
    no_insider_probability: float
    candidates: tuple[Candidate, ...]
    sets: tuple[PrincipalSet, ...]
    undecided: Undecided | None
    evidence: EvidenceSummary
    log_coverage: LogCoverage
    exposure: Exposure | None
    matched_on: MatchedOn
    provenance: Provenance
    source_count_probability: tuple[float, ...] = ()
    """Chance of none, one, two and three sources inside."""
    why: tuple[Why, ...] = ()
    """What speaks for and against the named, else the members of the sets, report by report."""
    alternatives: tuple[Alternative, ...] = ()
    prior: Prior | None = None
    """Null only where a finding was made without a workspace."""
    error_budget: ErrorBudget | None = field(default=None, compare=False)
    """Of the workspace, not of the campaign: another name given in between makes no other finding."""

    def to_json(self) -> str:
        """The finding as one JSON document, `leaktrace.finding/1`."""
        return to_json(self)
