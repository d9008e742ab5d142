"""Which duties bind, on given facts, by given rules, at a given time. Pure.

Checks, in this order; the first that speaks decides:
1. the law is in force on the day of the assessment, and its residents are concerned;
2. the trigger, on what is known and what the rule may presume, is yes or no;
3. it is yes or no once the persons whose residence is not known are counted as residents: the strictest reading;
4. otherwise a fact is missing that only a person can give: `needs_a_human`.
An answer is only a plain yes or no when a lawyer checked the rule within the last year (5); until then it is
`probably_yes` or `probably_no`. The caller owes: facts of a frozen exposure list, and a lawyer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from leaktrace.caserecords import (
    Deadline,
    Duty,
    DutyAnswer,
    DutyAssessment,
    DutyFacts,
    ExposedGroup,
    FactUsed,
)
from leaktrace.errors import ResponseError
from leaktrace.response.duties.clocks import deadline, due_at
from leaktrace.response.duties.facts import UNLISTED, require_order, require_past
from leaktrace.response.duties.loading import laws_digest
from leaktrace.response.duties.model import Law, Rule
from leaktrace.response.duties.norule import maybe_within, within, without_rule
from leaktrace.response.duties.places import residence_of
from leaktrace.response.duties.syntax import And, Condition, Count, Fields, Not, Or, facts_of, write
from leaktrace.response.duties.truth import Range, Truth, View, truth

DISCLAIMER = (
    "This is no legal advice. The rules were written from secondary sources and hold until a lawyer checked them as "
    "questions to ask, not as answers. A duty that is not listed here may exist all the same."
)
_CHECK_LASTS = timedelta(days=365)
_NO_DUTY = "No duty was found in the sources that were read. That is not the same as: there is none."


def assess(facts: DutyFacts, laws: Sequence[Law], now: datetime) -> DutyAssessment:
    """Every rule's answer, the most urgent first: those that bind by deadline, then open questions, then the rest.

    ResponseError where a moment of the facts is later than `now`, or two are in an impossible order.
    """
    require_past(facts.moments, now)
    require_order(facts.moments)
    judged = [(judge(rule, law, facts, now), rule, law) for law in laws for rule in law.rules]
    duties = [duty for duty, _, _ in sorted(judged, key=lambda one: _urgency(one[0], one[1], one[2], now))]
    assumed = tuple(duty.rule for duty in duties if duty.answer in _BINDING and _hangs_on_unknown(duty))
    return DutyAssessment(
        assessed_at=now,
        rules_digest=laws_digest(laws),
        duties=tuple(duties),
        strictest_for_unknown=assumed,
        notes=_notes(facts),
        exposure_sha256=facts.exposure_sha256,
        disclaimer=DISCLAIMER,
        without_rule=without_rule(facts, laws, now.astimezone(UTC).date()),
    )


def judge(rule: Rule, law: Law, facts: DutyFacts, now: datetime) -> Duty:
    """One rule's answer."""
    today = now.astimezone(UTC).date()
    scope = _Scope(law, facts)
    value, reasons, used, assumed = _decide(rule, law, scope, facts, today)
    stale = _stale(law, today)
    checked = law.checked_on is not None and not stale
    answer: DutyAnswer = "needs_a_human"
    if value is not None:
        answer = ("yes" if value else "no") if checked else ("probably_yes" if value else "probably_no")
    if not checked:
        reasons.append("No lawyer has checked this rule within the last year.")
    if stale:
        reasons.extend(stale)
    return Duty(
        rule=rule.id,
        law=law.law,
        article=rule.article,
        told=rule.told,
        recipient=rule.recipient,
        asks=rule.asks,
        answer=answer,
        needs_a_human=not checked or value is None or assumed,
        reasons=tuple(reasons),
        facts_used=tuple(used),
        residences=scope.residences,
        unknown_residence_count=scope.possible_count,
        deadline=None if value is False else _clock(rule, law, facts, now),
        required_content=rule.required_content,
        forbidden_content=rule.forbidden_content,
        channels=rule.channels,
        source=law.source,
        quotation=rule.quotation,
        text_at_hand=law.text_at_hand,
        checked_on=law.checked_on.isoformat() if law.checked_on else "",
        valid_from=law.valid_from.isoformat(),
        valid_to=law.valid_to.isoformat() if law.valid_to else "",
        stale=tuple(stale),
    )


_BINDING = ("yes", "probably_yes")
_UNKNOWN_RESIDENCE = "persons of unknown residence"


def _decide(
    rule: Rule, law: Law, scope: _Scope, facts: DutyFacts, today: date
) -> tuple[Truth, list[str], list[FactUsed], bool]:
    """(answer, why, facts it stands on, whether it hangs on an unknown residence)."""
    reasons = [rule.basis]
    if law.no_duty_found:
        return False, [_NO_DUTY], [], False
    if today < law.valid_from:
        return False, [f"Not in force before {law.valid_from.isoformat()}."], [], False
    if scope.all_count == 0:
        return False, [f"Nobody concerned is known to live in {law.place}."], [], False
    answers, presumed = _presume(rule, scope, facts)
    asked = rule.trigger
    value = truth(asked, scope.view(asked, answers))
    assumed = False
    if value is None and scope.possible_count:
        value = _strictest(asked, scope, answers)
        assumed = value is not None
    used = _used(asked, scope, answers, presumed)
    if assumed:
        reasons.append(
            f"{scope.possible_count} {_UNKNOWN_RESIDENCE} are counted as living in {law.place}: the strictest reading."
        )
    if value is None:
        missing = [name for name in scope.asked_facts(asked) if name not in answers]
        reasons.append(f"Not known: {', '.join(missing)}." if missing else _UNSEEN)
    return value, reasons, used, assumed


_UNSEEN = "The log cannot show which further fields were seen, and the answer hangs on them."


class _Scope:
    """The persons a law may cover: certainly its residents, or possibly."""

    def __init__(self, law: Law, facts: DutyFacts) -> None:
        self._law = law
        self._facts = facts
        certain = [group for group in facts.groups if within(group.residence, law.residences)]
        possible = [group for group in facts.groups if maybe_within(group.residence, law.residences, facts.markets)]
        self._certain = certain
        self._possible = possible
        counted: Counter[str] = Counter()
        for group in certain:
            counted[group.residence or ""] += group.count
        self.residences = dict(sorted(counted.items()))
        self.possible_count = sum(group.count for group in possible)
        self.all_count = sum(counted.values()) + self.possible_count

    def view(self, condition: Condition, answers: dict[str, bool], *, include: bool | None = None) -> View:
        """What a condition is asked on; `include` takes the possible residents in, or leaves them out, for certain."""
        groups = [*self._certain, *(self._possible if include is not False else [])]
        groups = [group for group in groups if group.count]
        covered = self._counted(self._certain, answers)
        maybe = self._counted(self._possible, answers)
        low = covered.low + (maybe.low if include is True else 0)
        high = covered.high + (maybe.high if include is not False else 0)
        return View(
            groups=tuple(groups),
            count=Range(low, high),
            residents={code: self._residents(code) for code in _residences_in(condition)},
            fields_complete=self._complete(groups),
            answers=answers,
        )

    def asked_facts(self, condition: Condition) -> tuple[str, ...]:
        """The facts that an answer hangs on: those of the condition and of whom the law protects."""
        return tuple(dict.fromkeys((*facts_of(condition), *facts_of(self._law.covers))))

    def _complete(self, groups: Sequence[ExposedGroup]) -> bool:
        return bool(self._facts.fields_complete) and not any(UNLISTED in group.fields for group in groups)

    def _counted(self, groups: Sequence[ExposedGroup], answers: dict[str, bool]) -> Range:
        """How many of these persons' fields are of the kind the law protects."""
        low = high = 0
        for group in groups:
            one = View((group,), Range(group.count, group.count), {}, self._complete([group]), answers)
            value = truth(self._law.covers, one)
            low += group.count if value is True else 0
            high += group.count if value is not False else 0
        return Range(low, high)

    def _residents(self, code: str) -> Range:
        groups, markets = self._facts.groups, self._facts.markets
        low = sum(group.count for group in groups if within(group.residence, (code,)))
        return Range(low, low + sum(one.count for one in groups if maybe_within(one.residence, (code,), markets)))


def _strictest(asked: Condition, scope: _Scope, answers: dict[str, bool]) -> Truth:
    """Yes when the duty binds with all possible residents counted, or with none of them."""
    with_all = truth(asked, scope.view(asked, answers, include=True))
    with_none = truth(asked, scope.view(asked, answers, include=False))
    return True if with_all is True or with_none is True else None


def _presume(rule: Rule, scope: _Scope, facts: DutyFacts) -> tuple[dict[str, bool], dict[str, str]]:
    """(answers with the rule's presumptions, fact -> why it was presumed). A person's answer beats a presumption."""
    answers = dict(facts.answers)
    presumed: dict[str, str] = {}
    for one in rule.presume:
        if one.fact not in answers and truth(one.when, scope.view(one.when, answers)) is True:
            answers[one.fact] = one.value
            presumed[one.fact] = one.because
    return answers, presumed


def _used(asked: Condition, scope: _Scope, answers: dict[str, bool], presumed: dict[str, str]) -> list[FactUsed]:
    view = scope.view(asked, answers)
    used = [FactUsed("persons this law protects", str(view.count))]
    for part in _parts(asked):
        if isinstance(part, Fields):
            used.append(FactUsed(write(part), _said(truth(part, view))))
        elif isinstance(part, Count) and part.residence is not None:
            used.append(FactUsed(f"residents of {part.residence}", str(view.residents[part.residence])))
    used += [FactUsed(name, _said(answers.get(name)), presumed.get(name, "")) for name in scope.asked_facts(asked)]
    return used


def _parts(condition: Condition) -> list[Condition]:
    match condition:
        case Not(inner):
            return _parts(inner)
        case And(parts) | Or(parts):
            return [atom for part in parts for atom in _parts(part)]
        case _:
            return [condition]


def _residences_in(condition: Condition) -> set[str]:
    return {part.residence for part in _parts(condition) if isinstance(part, Count) and part.residence is not None}


def _said(value: Truth) -> str:
    return "not known" if value is None else "yes" if value else "no"


def _clock(rule: Rule, law: Law, facts: DutyFacts, now: datetime) -> Deadline:
    return deadline(rule.clock, rule.start, facts.moments.get(rule.start), law.time_zone, now)


def _stale(law: Law, today: date) -> list[str]:
    why = []
    if law.valid_to is not None and today > law.valid_to:
        why.append(f"The rule was valid until {law.valid_to.isoformat()}; the law may have changed.")
    if law.checked_on is not None and today - law.checked_on > _CHECK_LASTS:
        why.append(f"The rule was last checked on {law.checked_on.isoformat()}, more than a year ago.")
    if law.checked_on is not None and law.checked_on > today:
        why.append(f"The rule claims to have been checked on {law.checked_on.isoformat()}, a day to come.")
    return why


def _hangs_on_unknown(duty: Duty) -> bool:
    return any(_UNKNOWN_RESIDENCE in reason for reason in duty.reasons)


def _urgency(duty: Duty, rule: Rule, law: Law, now: datetime) -> tuple[int, float, str]:
    """Binding ones first, then open ones; by when it is too late, as if a clock that cannot be read began now."""
    rank = 0 if duty.answer in _BINDING else 1 if duty.answer == "needs_a_human" else 2
    if duty.deadline is None or duty.told == "record":
        return rank, float("inf"), duty.rule
    due = duty.deadline.due_at or due_at(rule.clock, now, law.time_zone) or now
    return rank, due.timestamp(), duty.rule


def _notes(facts: DutyFacts) -> tuple[str, ...]:
    notes = []
    unknown = sum(group.count for group in facts.groups if group.residence is None)
    if unknown:
        where = f"the laws of {', '.join(facts.markets)}" if facts.markets else "every law"
        notes.append(
            f"The residence of {unknown} persons is not known: {where} may cover them, and so may a law "
            "that is not known here."
        )
    if facts.fields_complete is not True:
        notes.append("The log cannot show every field that was seen: what is missing from it may be out all the same.")
    if any(UNLISTED in group.fields for group in facts.groups):
        notes.append("Some fields have names that no rule knows; what they hold has to be judged by a person.")
    if not facts.groups:
        notes.append("The facts hold nobody whose data was exposed.")
    return tuple(notes)


def forbidden_for(residence: str, laws: Sequence[Law]) -> frozenset[str] | None:
    """What the laws of a residence forbid to tell the persons there, whatever was leaked; null: no law of it is known.

    For a country the strictest of its parts counts. ResponseError for what is no residence.
    """
    code = residence_of(residence)
    if code is None:
        raise ResponseError(f"'{residence[:40]}' is no residence.", "Write an ISO 3166 code such as DE or US-MA.")
    ours = [law for law in laws if within(code, law.residences) or maybe_within(code, law.residences, ())]
    if not ours:
        return None
    told = [rule for law in ours for rule in law.rules if rule.told == "persons"]
    return frozenset(what for rule in told for what in rule.forbidden_content)
