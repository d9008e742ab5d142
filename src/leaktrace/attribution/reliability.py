"""From answers to planted campaigns to the table: how often right, how often wrong, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.special import betaincinv
from leaktrace.records import CalibrationKind, CalibrationRow, Outcome, ReliabilityBin, TeamTies, UndecidedCode

BINS = 10
"""Bins of the reliability curve of `calibrate`."""
TEAM_REPORT_COUNT = 20
"""Campaigns from this size on count when teams are looked at: with fewer reports most answers are sets anyway."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A planted campaign, and what the finder said of it. Principals by index."""

    kind: CalibrationKind
    report_count: int
    sources: frozenset[int]
    outcome: Outcome
    code: UndecidedCode | None
    named: frozenset[int]
    sets: tuple[frozenset[int], ...]
    candidates: tuple[tuple[int, float], ...]
    """Principal and probability."""

    @property
    def named_rightly(self) -> bool:
        """Whether a source is named and nobody else."""
        return bool(self.named) and self.named <= self.sources

    @property
    def named_wrongly(self) -> bool:
        """Whether somebody is named who is no source."""
        return not self.named <= self.sources

    @property
    def covered(self) -> bool:
        """Whether a set holds a source."""
        return any(members & self.sources for members in self.sets)


def upper_bound(count: int, total: int, confidence: float = 0.95) -> float:
    """Upper end of the one-sided interval for a share; 1 for none of none. Clopper and Pearson, Biometrika 26, 1934."""
    return 1.0 if count >= total else float(betaincinv(count + 1, total - count, confidence))


def row_of(
    kind: CalibrationKind,
    answers: Collection[Answered],
    *,
    report_count: int | None,
    eligible_count: int | None,
    has_source: bool,
) -> CalibrationRow:
    """One row of the table; the order of the answers is nothing."""
    wrong = sum(one.named_wrongly for one in answers)
    with_set = [one for one in answers if one.sources and one.sets]
    codes = Counter(one.code for one in answers if one.outcome == "undecided" and one.code)
    outcomes = Counter(one.outcome for one in answers)
    return CalibrationRow(
        kind=kind,
        has_source=has_source,
        report_count=report_count,
        eligible_count=eligible_count,
        campaign_count=len(answers),
        named_rightly_count=sum(one.named_rightly for one in answers),
        named_wrongly_count=wrong,
        named_wrongly_upper_probability=upper_bound(wrong, len(answers)),
        nobody_count=outcomes["nobody"],
        undecided_count=outcomes["undecided"],
        undecided_codes={str(code): codes[code] for code in sorted(codes)},
        set_count=len(with_set),
        covered_count=sum(one.covered for one in with_set),
        median_set_size=float(np.median([len(one.sets[0]) for one in with_set])) if with_set else None,
    )


def pooled_rows(answers: Sequence[Answered], sizes: Sequence[int]) -> tuple[CalibrationRow, ...]:
    """Campaigns with a source, and those without insider, taken together: for each size, then for all."""
    found = []
    for kind, has_source in (("with_source", True), ("no_insider", False)):
        part = [one for one in answers if bool(one.sources) is has_source]
        for size in (*sizes, None):
            chosen = [one for one in part if size is None or one.report_count == size]
            found.append(
                row_of(
                    "with_source" if kind == "with_source" else "no_insider",
                    chosen,
                    report_count=size,
                    eligible_count=None,
                    has_source=has_source,
                )
            )
    return tuple(found)


def reliability(answers: Iterable[Answered], least: float = 0.0) -> tuple[ReliabilityBin, ...]:
    """Candidates above `least` by probability, in bins of equal width; empty bins are left out."""
    pairs = sorted((chance, who in one.sources) for one in answers for who, chance in one.candidates if chance > least)
    if not pairs:
        return ()
    chances = np.array([chance for chance, _ in pairs])
    right = np.array([hit for _, hit in pairs], dtype=np.float64)
    place = np.minimum((chances * BINS).astype(np.int64), BINS - 1)
    return tuple(
        ReliabilityBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            candidate_count=int((place == number).sum()),
            mean_probability=float(chances[place == number].mean()),
            source_share=float(right[place == number].mean()),
        )
        for number in np.unique(place).tolist()
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float | None:
    """Expected calibration error: mean distance of probability and share of sources, weighted by candidates.

    Naeini, Cooper and Hauskrecht, AAAI 2015. Null where there are no candidates.
    """
    total = sum(one.candidate_count for one in bins)
    if not total:
        return None
    return sum(one.candidate_count * abs(one.mean_probability - one.source_share) for one in bins) / total


def errors_by_kind(answers: Sequence[Answered]) -> dict[str, float]:
    """Kind -> calibration error over candidates above one half; where nobody is inside, that is their mean."""
    found = {}
    for kind in dict.fromkeys(sorted(one.kind for one in answers)):
        error = calibration_error(reliability((one for one in answers if one.kind == kind), 0.5))
        if error is not None:
            found[str(kind)] = error
    return found


def teams_with_ties(
    team_of: Sequence[str | None], tied: Mapping[int, bool], answers: Iterable[Answered]
) -> tuple[TeamTies, ...]:
    """Teams in which colleagues cannot be told apart, most ties first: somebody has a tie, or every other leak of the
    team is answered with a set of colleagues.

    `team_of`: by principal; `tied`: for every principal looked at, whether a colleague was shown nearly the same.
    """
    single = [one for one in answers if len(one.sources) == 1 and one.report_count >= TEAM_REPORT_COUNT]
    found = []
    for team in sorted({team_of[index] for index in tied}, key=lambda name: (name is None, name or "")):
        own = [index for index in tied if team_of[index] == team]
        here = [one for one in single if one.kind == "one_source" and one.sources <= set(own)]
        in_sets = sum(any(_beside(members, one, team, team_of) for members in one.sets) for one in here)
        ties = TeamTies(team, len(own), sum(tied[index] for index in own), len(here), in_sets)
        if ties.tied_count or 0 < ties.campaign_count <= 2 * ties.set_count:
            found.append(ties)
    return tuple(sorted(found, key=lambda one: (-one.tied_count, -one.set_count, one.team is None, one.team or "")))


def _beside(members: frozenset[int], one: Answered, team: str | None, team_of: Sequence[str | None]) -> bool:
    """Whether a set holds the source and somebody else of the team."""
    others = members - one.sources
    return team is not None and one.sources <= members and any(team_of[index] == team for index in others)
