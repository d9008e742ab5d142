"""The evidence about one named principal, one set, or a candidate shown on request, as people read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from leaktrace.records import Candidate, Explanation, Finding, ReportTerm, Why
from leaktrace.report import words

WITHHELD = "(name withheld)"
_MOST_CANDIDATE_STRANDS = 3


@dataclass(frozen=True, slots=True)
class Strand:
    """The evidence about one named principal, about one set, or about a candidate shown on request."""

    kind: Literal["named", "set", "candidate"]
    label: str
    principals: tuple[str, ...]
    probability: float
    frequency_sentence: str
    """How many in evidence they had been shown, beside what colleagues and chance give; in natural frequencies."""
    against: tuple[str, ...]
    terms: tuple[ReportTerm, ...]
    separated_by: str = ""
    """What would part the members of a set."""


TOLD_BY_NAME = 0.45
"""Sets of less than this chance are told without names. Of the first set it never is less: nobody inside has half at
most, and a set 95 % of the rest."""


@dataclass(frozen=True, slots=True)
class ShownSet:
    """A set, and whether its members' names may be shown."""

    principals: tuple[str, ...]
    member_count: int
    probability: float
    separated_by: str = ""

    @property
    def is_unlikely(self) -> bool:
        """Whether it is one more source beside others, and less likely than not."""
        return self.probability < TOLD_BY_NAME


class Hider:
    """Takes names that may not be shown out of free sentences."""

    def __init__(self, names: Iterable[str]) -> None:
        longest_first = sorted(
            (re.escape(words.plain(name)) for name in names if name), key=lambda one: (-len(one), one)
        )
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)") if longest_first else None

    def text(self, sentence: str) -> str:
        """The sentence as it may be shown."""
        shown = words.plain(sentence)
        return self._pattern.sub(WITHHELD, shown) if self._pattern else shown


def strands_of(
    finding: Finding, explanation: Explanation, sets: tuple[ShownSet, ...], hide: Hider, *, show_candidates: bool
) -> Iterable[Strand]:
    """One strand for each named principal, each set that is shown, and, on request, the first candidates."""
    why_of = {why.principal: why for why in explanation.why}
    told: set[str] = set()
    for name in finding.named:
        told.add(name)
        yield _strand("named", (name,), why_of, finding, explanation, hide)
    for found in sets:
        if found.principals and not set(found.principals) <= told:
            told.update(found.principals)
            strand = _strand("set", found.principals, why_of, finding, explanation, hide, found.probability)
            yield replace(strand, separated_by=hide.text(found.separated_by))
    if show_candidates:
        others = [why.principal for why in explanation.why if why.principal not in told]
        for name in others[:_MOST_CANDIDATE_STRANDS]:
            yield _strand("candidate", (name,), why_of, finding, explanation, hide)


def _strand(
    kind: Literal["named", "set", "candidate"],
    names: tuple[str, ...],
    why_of: dict[str, Why],
    finding: Finding,
    explanation: Explanation,
    hide: Hider,
    set_probability: float | None = None,
) -> Strand:
    whys = [why_of[name] for name in names if name in why_of]
    candidates = [one for one in finding.candidates if one.principal in names]
    best = max((one.probability for one in candidates), default=max((why.probability for why in whys), default=0.0))
    return Strand(
        kind=kind,
        label=words.plain(names[0]) if len(names) == 1 else f"the set of {len(names)}",
        principals=names,
        probability=best if set_probability is None else set_probability,
        frequency_sentence=_frequency_sentence(candidates, whys, finding, explanation)
        or " ".join(hide.text(why.sentence) for why in whys),
        against=_against(whys, hide),
        terms=_merged([why.terms for why in whys]),
    )


def _against(whys: list[Why], hide: Hider) -> tuple[str, ...]:
    """Of one principal; of several each sentence says of whom it speaks."""
    if len(whys) == 1:
        return tuple(dict.fromkeys(hide.text(text) for text in whys[0].against))
    return tuple(f"{words.plain(why.principal)}: {hide.text(text)}" for why in whys for text in why.against)


def _frequency_sentence(
    candidates: list[Candidate], whys: list[Why], finding: Finding, explanation: Explanation
) -> str:
    """Natural frequencies: `Had been shown ... of 29 of the 31 customers ...; by chance 0.8`."""
    if not candidates:
        return ""
    opened = sorted({one.opened_count for one in candidates})
    seen = words.number(opened[0]) if len(opened) == 1 else f"{opened[0]:,} to {opened[-1]:,}"
    noun = words.field_noun(explanation.field, 2 if opened[-1] != 1 else 1)
    they = "Had" if len(candidates) == 1 else "They had"
    customers = words.count(finding.evidence.customer_count, "customer")
    in_time = words.in_time(finding.evidence)
    parts = [f"{they} been shown the {noun} of {seen} of the {customers} in evidence {in_time}"]
    teams = [why.team_mean_opened_count for why in whys if why.team_mean_opened_count is not None]
    if teams:
        parts.append(f"colleagues of the same team {words.number(fmean(teams))} on average")
    parts.append(f"by chance {words.number(fmean(one.expected_opened_count for one in candidates))}")
    sentence = "; ".join(parts) + "."
    if len(whys) == 1:
        rate = words.frequency(whys[0].base_rate)
        sentence += f" Of comparable customers outside the evidence, {rate} had been shown to this principal too."
    return sentence


def _merged(term_lists: list[tuple[ReportTerm, ...]]) -> tuple[ReportTerm, ...]:
    """Terms of a set, report by report: the first time any member was shown it, and the mean of the weights."""
    by_report: dict[str, list[ReportTerm]] = {}
    for terms in term_lists:
        for term in terms:
            by_report.setdefault(term.report, []).append(term)
    return tuple(
        replace(
            same[0],
            report=words.plain(report),
            opened_at=min((term.opened_at for term in same if term.opened_at), default=None),
            expected_probability=fmean(term.expected_probability for term in same),
            weight_bits=fmean(term.weight_bits for term in same),
            other_cause=next((words.plain(term.other_cause) for term in same if term.other_cause), None),
        )
        for report, same in by_report.items()
    )
