"""What ties a name: rivals who may have passed on just what somebody had been shown, at any look at the study; whoever
opened in a burst what is set aside; and days that brought these customers to others, or to somebody all at once.
"""

from __future__ import annotations

from collections.abc import Collection

from leaktrace.attribution.explanations import Posterior, Weighed
from leaktrace.attribution.looks import Circumstances, Looks
from leaktrace.attribution.rivals import Rival
from leaktrace.attribution.sets import Sets
from leaktrace.attribution.study import Study
from leaktrace.attribution.view import FIXED_JOB_SHARE, View
from leaktrace.attribution.waves import share_in_bursts
from leaktrace.instants import instant_at

IN_BURSTS = 0.5
"""Nobody is named who opened this share of the cases in the days of others' bursts."""
_RIVAL = "Somebody else had been shown nearly all of the same customers in time and may have passed on just those."
_RIVAL_IN_A_BURST = (
    "Somebody else opened nearly all of the same customers in a burst before the mail: to pass on just those, or to "
    "handle complaints about an earlier one. If it is checked that this account handles such complaints, name it in "
    "the setting complaint_handlers and trace again."
)
_OF_UNKNOWN_KIND = (
    "One account among them was shown most customers there are, and no table says of what kind it is: if it is a "
    "service account, ingest the principals with their kinds and trace again."
)

_IN_BURSTS = (
    "In the days in which this principal opened these customers' records, others opened them too, far more than their "
    "own work explains: whatever brought these customers then, an earlier mail or their being new, would bring this "
    "principal to them as well."
)
_IN_DAYS = (
    "This principal opened most of these customers' records within days, far more than the work of those days brings, "
    "long before the mail: whatever brought these customers then, such as accounts taken over together or an outage, "
    "may be what the sender's list is of. If it is checked that it is not, and that no earlier mail came, trace again "
    "and say so (--no-earlier-mail)."
)


def viable_rivals(study: Study, looks: Looks, best: Weighed, around: Circumstances) -> set[Rival]:
    """Rivals whose explanation is not much worse, at any look; but for those set aside who were shown every complaint
    alike and are known to handle complaints. A source who opens the list's other customers too looks just like them.
    """
    handlers = around.handlers(study) & {wave.principal for wave in looks.set_aside}
    same = [_same(look, best) for look in (looks.late, looks.early, looks.late_all)]
    return {
        rival
        for one in same
        if one is not None
        for rival in one.rivals
        if rival.viable and not (rival.handles_all and rival.rival in handlers)
    }


def _same(posterior: Posterior, best: Weighed) -> Weighed | None:
    return next((one for one in posterior.weighed if one.principal == best.principal), None)


def in_a_burst(looks: Looks, rivals: Collection[Rival]) -> tuple[int, ...]:
    """Which of these rivals opened the same customers in a burst; principals, sorted."""
    aside = {wave.principal for wave in looks.set_aside}
    return tuple(sorted({rival.rival for rival in rivals} & aside))


def tie_sentence(view: View, rivals: Collection[Rival], bursts: Collection[int]) -> str:
    """What the rivals did, and what to check where all of them did it in a burst, or where one of them may be no
    person at all.
    """
    who = {rival.rival for rival in rivals}
    if who <= set(bursts):
        return _RIVAL_IN_A_BURST
    people = view.study.principals
    unknown = any(people[one].kind is None and view.known.marginal[one] >= FIXED_JOB_SHARE for one in who)
    return f"{_RIVAL} {_OF_UNKNOWN_KIND}" if unknown else _RIVAL


def set_aside_sentence(looks: Looks, around: Circumstances) -> str:
    """What those did who explain the reports only with what is set aside."""
    own = looks.late_all.own
    wave = max(looks.set_aside, key=lambda one: (float(own[one.principal]), not one.is_late, -one.principal))
    if wave.is_late:
        when = f"opened these customers' records only in the {around.margin_days} days before the first mail"
    else:
        first, last = (instant_at(at).date() for at in (wave.since, wave.until))
        when = (
            f"opened {wave.opened_count} of these customers' records from {first} to {last}, more than the work of "
            "those days explains"
        )
    return (
        f"Somebody {when}: a source who passed on what was opened then, or somebody who handled complaints about an "
        "earlier mail that nobody reported. If it is checked that none came, trace again and say so "
        "(--no-earlier-mail)."
    )


def set_aside_by(study: Study, looks: Looks, around: Circumstances) -> tuple[int, ...]:
    """Who opened what is set aside, and is not known to handle complaints; principals, sorted."""
    return tuple(sorted({wave.principal for wave in looks.set_aside} - around.handlers(study)))


def with_rivals(sets: Sets, principal: int, rivals: Collection[int]) -> Sets:
    """The set that says so: the principal and those who cannot be told apart, first of all sets; other sources' sets
    stay.
    """
    members = [principal, *sorted(rivals)]
    known: tuple[int, ...] = next((one for one in sets if principal in one), sets[0] if sets else ())
    joined = (*members, *(index for index in known if index not in members))
    return (joined, *(one for one in sets if one != known and not set(one) <= set(joined)))


def came_together(looks: Looks, principal: int) -> str:
    """What brought these customers to this principal and others, or to this one within days, in a sentence, if it may
    not have been a leak.
    """
    view = looks.late.view
    if share_in_bursts(view, principal, looks.bursts) >= IN_BURSTS:
        return _IN_BURSTS
    within_days = max((one.opened_count for one in looks.stretches if one.principal == principal), default=0)
    return _IN_DAYS if within_days >= IN_BURSTS * float(view.hits()[principal]) else ""
