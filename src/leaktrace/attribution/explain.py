"""Why: the judgement retold for people, term by term, with what speaks against it.

A term is what one report adds for one principal, ln(nu + (1 - nu) / p) for one who had been shown it and ln nu for one
who had not, at the noise that the reports themselves suggest, in bits. Terms add up only roughly to a candidate's
weight, which integrates over the noise.
"""

from __future__ import annotations

import math

import numpy as np

from leaktrace.attribution.explanations import Weighed
from leaktrace.attribution.judge import Judgement
from leaktrace.attribution.study import Study
from leaktrace.attribution.view import buyers_chance
from leaktrace.instants import instant_at
from leaktrace.records import Alternative, Explanation, ReportTerm, Why

_MOST_WHYS = 5
_WORK = (
    "A list of just the customers whom this principal's work was about would look the same where no table, tool or "
    "type of ticket tells of it: ask what that work was."
)
_SET_ASIDE = "left out: opened as whoever handled complaints about an earlier mail would have"
_NO_DEALINGS = (
    "Not one of all customers looked at is known to have dealt with this seller: where its contacts are missing, or "
    "stand under another id, mail to its own customers would look the same for whoever serves them."
)


def explain(
    study: Study,
    judgement: Judgement,
    *,
    field: str,
    seller: str | None,
    seller_name: str | None,
    notes: tuple[str, ...],
) -> Explanation:
    """Everything a page shows beside the finding."""
    mailed = [study.cases[i] for i in judgement.late.view.mailed]
    return Explanation(
        headline=_headline(judgement, seller_name or seller),
        seller=seller,
        seller_name=seller_name,
        field=field,
        why=tuple(_why(study, judgement, one) for one in _worth_telling(judgement)),
        alternatives=_alternatives(study, judgement),
        notes=notes,
        mail_at=tuple(instant_at(case.sure_at) for case in mailed),
    )


def _headline(judgement: Judgement, seller: str | None) -> str:
    to_whom = f" to {seller}" if seller else " (no seller could be tied to the mail)"
    mailed = judgement.late.view.size
    if judgement.named:
        name = judgement.named[0]
        opened = next(c for c in judgement.candidates if c.principal == name).opened_count
        chance = next(c for c in judgement.candidates if c.principal == name).probability
        return (
            f"{name} is named as the source{to_whom}: had been shown {opened} of the {mailed} addresses before the "
            f"mail came (probability {math.floor(1000 * chance) / 1000:.3f})."
        )
    if judgement.verdict.outcome == "nobody":
        return f"Nobody inside explains these {mailed} reports (probability {judgement.no_insider_probability:.2f})."
    undecided = judgement.undecided
    return f"Undecided: {undecided.sentence if undecided else ''}"


def _worth_telling(judgement: Judgement) -> list[Weighed]:
    """The named, else the members of the sets, else the strongest candidates."""
    listed = [index for members in judgement.verdict.suspects for index in members] or [
        one.principal for one in judgement.late.weighed
    ]
    wanted = [*judgement.verdict.named, *(index for index in listed if index not in judgement.verdict.named)]
    close = {one.principal: one for one in judgement.late.weighed}
    return [close[index] for index in wanted if index in close][:_MOST_WHYS]


def _why(study: Study, judgement: Judgement, one: Weighed) -> Why:
    view = judgement.late.view
    facts = study.principals[one.principal]
    opened_at = _opened_at(study, one.principal)
    terms = tuple(_term(study, judgement, one, row, opened_at.get(int(view.mailed[row]))) for row in range(view.size))
    mates = _team_mean(study, judgement, facts.team, one.principal)
    return Why(
        principal=facts.name,
        team=facts.team,
        kind=facts.kind,
        probability=float(judgement.late.person[one.principal]),
        base_rate=float(np.mean(one.rate)) if view.size else 0.0,
        team_mean_opened_count=mates,
        sentence=_sentence(one, view.size, mates, listed=all(study.cases[i].kind == "listed" for i in view.mailed)),
        against=(*_against(study, one, terms), *_others_left_out(study, judgement, one.principal), _WORK),
        terms=terms,
        noise=one.noise,
    )


def _opened_at(study: Study, principal: int) -> dict[int, int]:
    """By case, when the principal was first shown it, in time; what is set aside included."""
    group = study.case_group
    own = np.flatnonzero(group.pair_principal == principal)
    return {
        int(case): int(at)
        for case, at in zip(group.pair_customer[own], group.pair_at[own], strict=True)
        if at < study.cases[int(case)].sure_at
    }


def _term(study: Study, judgement: Judgement, one: Weighed, row: int, opened_at: int | None) -> ReportTerm:
    view = judgement.late.view
    case = study.cases[int(view.mailed[row])]
    rate = float(one.rate[row])
    noise = 1.0 - (1.0 - one.noise) * float(view.belief[row])
    ratio = noise + (1.0 - noise) / rate if one.shown[row] else noise
    counted = 0.0 if one.neutral[row] else float(view.weight[row])
    return ReportTerm(
        report=case.label,
        grade=case.grade,
        mail_at=instant_at(case.sure_at),
        opened_at=None if opened_at is None else instant_at(opened_at),
        expected_probability=rate,
        weight_bits=counted * math.log2(ratio),
        other_cause=_other_cause(judgement, one, row, opened_at, known_elsewhere=case.known_elsewhere),
    )


def _other_cause(
    judgement: Judgement, one: Weighed, row: int, opened_at: int | None, *, known_elsewhere: bool
) -> str | None:
    view = judgement.late.view
    if view.cases.contact[row]:
        return "the customer had contact with this seller"
    if known_elsewhere:
        return "the address may be known elsewhere"
    if one.neutral[row]:
        return "opened at a time that may be before or after the mail"
    if opened_at is not None and not one.shown[row]:
        return _SET_ASIDE
    if view.weight[row] < 1.0:
        return "reporters who look alike count once"
    return None


def _team_mean(study: Study, judgement: Judgement, team: str | None, principal: int) -> float | None:
    if team is None:
        return None
    mates = [i for i, facts in enumerate(study.principals) if facts.team == team and i != principal]
    if not mates:
        return None
    return float(np.mean(judgement.late.view.hits()[mates]))


def _sentence(one: Weighed, mailed: int, mates: float | None, *, listed: bool) -> str:
    """`listed`: all evidence is of a list for sale, so no mail has come."""
    before = "the list was first offered" if listed else "the mail came"
    colleagues = f"; colleagues in the same team {mates:.1f} on average" if mates is not None else ""
    return (
        f"had been shown {int(one.shown.sum())} of the {mailed} addresses before {before}{colleagues}; "
        f"{float(one.rate.sum()):.1f} would be expected of somebody innocent with the same work."
    )


def _against(study: Study, one: Weighed, terms: tuple[ReportTerm, ...]) -> tuple[str, ...]:
    found = []
    missed = sum(1 for term in terms if term.opened_at is None and term.other_cause is None)
    if missed:
        found.append(f"{missed} of the reported customers had not been shown to this principal in time.")
    left_out = sum(1 for term in terms if term.other_cause == _SET_ASIDE)
    if left_out:
        found.append(
            f"{left_out} more had been shown to this principal, but in a burst or just before the first mail, as to "
            "somebody who handled complaints about an earlier mail that nobody reported: they count as not shown."
        )
    lawful = sum(1 for term in terms if term.other_cause is not None) - left_out
    if lawful:
        found.append(f"{lawful} of the reports count little or nothing: another path explains them.")
    close = [rival for rival in one.rivals if rival.viable]
    if close:
        found.append(
            f"{len(close)} other(s) may have passed on just the customers that this principal opened too: "
            "the chance counts that as rare, the answer does not."
        )
    if one.spread > 0.5:
        found.append("Other principals' counts also stray from what the controls predict; the weight is cut for it.")
    if study.seller_known and study.contacts_known and study.nobody_dealt:
        found.append(_NO_DEALINGS)
    return tuple(found)


def _others_left_out(study: Study, judgement: Judgement, principal: int) -> list[str]:
    """Who else had been shown many of the same customers, and is taken for somebody who handled complaints."""
    found = []
    for wave in judgement.set_aside:
        if wave.principal != principal and 2 * wave.opened_count >= judgement.late.view.size:
            first, last = (instant_at(at).date() for at in (wave.since, min(wave.until, study.start_at)))
            # A name is told beside a name alone: nobody else is shown who is not accused.
            who = study.principals[wave.principal].name if judgement.named else "Somebody else"
            found.append(
                f"{who} opened {wave.opened_count} of these customers' records from "
                f"{first} to {last} and is left out as somebody who may have handled complaints about an earlier mail: "
                "if none came, that is another explanation (--no-earlier-mail)."
            )
    return found


def _of_column(label: str) -> str:
    if label.startswith(("seller ", "product ", "reviewers of ", "language ", "country ", "the days ")):
        return "Somebody passed on just its customers, not told apart by the log."
    return "Somebody of this group, not told apart by the log."


def _alternatives(study: Study, judgement: Judgement) -> tuple[Alternative, ...]:
    late = judgement.late
    nobody = max(late.nobody - late.forged, 0.0)
    buyers = nobody * buyers_chance(late.view) if study.seller_known and study.contacts_known else 0.0
    found = [
        Alternative("nobody inside", nobody - buyers, "The sender had the addresses from somewhere else."),
        Alternative(
            "the seller's own buyers", buyers, "Customers whom the seller knows by a lawful path; nobody inside."
        ),
        Alternative("made-up reports", late.forged, "The reports were made up about one principal's customers."),
        Alternative("a colleague's part", late.rivals, "Somebody passed on only what a colleague had been shown too."),
    ]
    found += [
        Alternative(column.column.label, column.probability, _of_column(column.column.label))
        for column in late.columns[:3]
    ]
    return tuple(found)
