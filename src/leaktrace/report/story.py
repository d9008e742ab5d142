"""What a screen for people may say of a finding: the words, and whose names.

Names of candidates appear only when somebody is named or on request (DESIGN 4.4). A set is a result and is shown; a
set of one that is not named is a candidate like any other. Page and terminal both show a `Story`, never the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from leaktrace.records import (
    Alternative,
    Candidate,
    CoverageGap,
    Explanation,
    Finding,
    Grade,
    Outcome,
    PrincipalSet,
)
from leaktrace.report import words
from leaktrace.report.strands import TOLD_BY_NAME, Hider, ShownSet, Strand, strands_of

_OUTCOME_MARKS = {"named": ("●", "Named"), "nobody": ("○", "Nobody inside"), "undecided": ("◐", "Undecided")}
_NEXT_STEPS = {
    "named": "A name is a lead to check, not a verdict: the log knows an account, not the person at the keyboard. "
    "Have a second person read this page, and ask who else could use the account, before access is suspended.",
    "nobody": "Look outside: the seller\u2019s own contacts with these customers, earlier breaches, public lists. "
    "Nobody inside needs to be asked anything because of these reports.",
    "too_few_reports": "Collect more reports of this campaign and trace it again; until then nobody is suspected.",
    "weak_grade": "Ask reporters to forward the unwanted mail as an attachment; its own headers make a better report.",
    "indistinguishable": "A decoy shown to only one of them would decide. "
    "Until then act on what they share, such as the queue or the tool, and not on a person.",
    "no_contacts": "Ingest the contacts table, this seller's contacts too, so that lawful reasons "
    "to know a customer are counted, and trace again.",
    "no_match_for_controls": "Ingest the customers table with region, jurisdiction and segment, and trace again.",
    "log_incomplete": "Get the missing logs listed under \u201cWhat the log can show\u201d, ingest them, trace again.",
    "common_cause": "Check whether the reporters are independent people and whether a list with these customers is "
    "in circulation (table known_elsewhere); a decoy or reports from other reporters would decide.",
    "not_converged": "Trace again with more controls (setting control_count); keep this page with the case.",
}

_EARLIER_MAIL = (
    "Look for complaints of that time about an earlier mail of this sender, and who handled them. If there were none, "
    "trace again with --no-earlier-mail and a --why that says who checked it; --candidates shows whom it is about."
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One report and when its mail came, with nothing about any candidate."""

    report: str
    grade: Grade | None
    mail_at: datetime | None


@dataclass(frozen=True, slots=True)
class Story:
    """A finding as people may see it; every text is free of names that are withheld and of acting characters."""

    outcome: Outcome
    mark: str
    label: str
    headline: str
    because: str | None
    more_reports: str | None
    next_steps: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    withheld_count: int
    withheld_sentence: str | None
    sets: tuple[ShownSet, ...]
    strands: tuple[Strand, ...]
    mails: tuple[Mail, ...]
    """Where no strand has terms: the reports and their mails, with nothing about any candidate."""
    alternatives: tuple[Alternative, ...]
    gaps: tuple[CoverageGap, ...]
    coverage_sentence: str
    matched_sentence: str
    field_one: str
    field_many: str


def tell(finding: Finding, explanation: Explanation, *, show_candidates: bool = False) -> Story:
    """The story of a finding; with `show_candidates` also candidates whom nobody suspects."""
    open_names = show_candidates or bool(finding.named)
    sets = tuple(_shown_set(found, finding, open_names) for found in finding.sets)
    shown = {*finding.named, *(name for found in sets for name in found.principals)}
    if open_names:
        shown |= _all_names(finding, explanation)
    hide = Hider(_all_names(finding, explanation) - shown)
    strands = tuple(strands_of(finding, explanation, sets, hide, show_candidates=show_candidates))
    mark, label = _OUTCOME_MARKS[finding.outcome]
    undecided = finding.undecided
    return Story(
        outcome=finding.outcome,
        mark=mark,
        label=label,
        headline=hide.text(explanation.headline.removeprefix(f"{label}: ")),
        because=hide.text(undecided.sentence) if undecided and undecided.sentence not in explanation.headline else None,
        more_reports=_more_reports(finding),
        next_steps=tuple(_next_steps(finding, explanation, hide)),
        candidates=tuple(one for one in finding.candidates if one.principal in shown),
        withheld_count=sum(one.principal not in shown for one in finding.candidates),
        withheld_sentence=_withheld(finding, shown),
        sets=sets,
        strands=strands,
        mails=() if any(strand.terms for strand in strands) else _mails(explanation),
        alternatives=tuple(
            replace(one, label=hide.text(one.label), sentence=hide.text(one.sentence))
            for one in explanation.alternatives
        ),
        gaps=tuple(_shown_gap(gap, shown, hide) for gap in finding.log_coverage.gaps),
        coverage_sentence=hide.text(finding.log_coverage.sentence),
        matched_sentence=hide.text(finding.matched_on.sentence),
        field_one=words.field_noun(explanation.field),
        field_many=words.field_noun(explanation.field, 2),
    )


def standing(candidate: Candidate, finding: Finding) -> str:
    """What a candidate is to people: only the named are suspected."""
    if candidate.principal in finding.named:
        return "named"
    if any(candidate.principal in found.principals and len(found.principals) > 1 for found in finding.sets):
        return "in a set, not accused"
    return "not suspected"


def _all_names(finding: Finding, explanation: Explanation) -> set[str]:
    return {
        *(one.principal for one in finding.candidates),
        *(name for found in finding.sets for name in found.principals),
        *(why.principal for why in explanation.why),
        *(name for gap in finding.log_coverage.gaps for name in gap.principals),
    }


def _shown_set(found: PrincipalSet, finding: Finding, open_names: bool) -> ShownSet:
    lone = len(found.principals) == 1 and found.principals[0] not in finding.named
    # One more source beside others may be less likely than not: then nobody is told by name.
    hidden = lone or found.probability < TOLD_BY_NAME
    names = () if hidden and not open_names else tuple(found.principals)
    return ShownSet(names, len(found.principals), found.probability, found.separated_by if names else "")


def _shown_gap(gap: CoverageGap, shown: set[str], hide: Hider) -> CoverageGap:
    names = gap.principals if set(gap.principals) <= shown else ()
    tool = None if gap.tool is None else words.plain(gap.tool)
    return replace(gap, sentence=hide.text(gap.sentence), principals=names, tool=tool)


def _next_steps(finding: Finding, explanation: Explanation, hide: Hider) -> Iterable[str]:
    step = finding.undecided.code if finding.undecided else finding.outcome
    alone = step == "indistinguishable" and all(len(found.principals) == 1 for found in finding.sets)
    yield _EARLIER_MAIL if alone else _NEXT_STEPS[step]
    yield from (hide.text(note) for note in explanation.notes)


def _more_reports(finding: Finding) -> str | None:
    if finding.undecided is None:
        return None
    needed = finding.undecided.needs_about_more_reports
    if needed is None:
        return "No number of further reports would change that."
    return f"About {words.count(needed, 'more report')} would be needed."


def _withheld(finding: Finding, shown: set[str]) -> str | None:
    """What may be said of candidates without their names."""
    hidden = [one for one in finding.candidates if one.principal not in shown]
    if not hidden:
        return None
    best = max(hidden, key=lambda one: one.probability)
    who = words.count(len(hidden), "other principal" if shown else "principal")
    weighed = f"{who} {'was' if len(hidden) == 1 else 'were'} weighed and none is accused, so no name is shown."
    return (
        f"{weighed} The highest probability among them is {words.percent(best.probability)}: shown "
        f"{words.number(best.opened_count)} of the {words.count(finding.evidence.customer_count, 'customer')} in "
        f"evidence in time, where chance alone gives {words.number(best.expected_opened_count)}."
    )


def _mails(explanation: Explanation) -> tuple[Mail, ...]:
    """Reports and their mails alone. The terms of the first why know labels and grades; else the times are counted."""
    if explanation.why and explanation.why[0].terms:
        return tuple(Mail(term.report, term.grade, term.mail_at) for term in explanation.why[0].terms)
    return tuple(Mail(f"mail {i}", None, moment) for i, moment in enumerate(sorted(explanation.mail_at), start=1))
