"""Who ties a name: rivals who may have passed on just what somebody had been shown, at any look at the study."""

from __future__ import annotations

from collections.abc import Collection

from leaktrace.attribution.explanations import Posterior, Weighed
from leaktrace.attribution.looks import Circumstances, Looks
from leaktrace.attribution.rivals import Rival
from leaktrace.attribution.sets import Sets
from leaktrace.attribution.study import Study
from leaktrace.attribution.view import FIXED_JOB_SHARE, View

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


def with_rivals(sets: Sets, principal: int, rivals: Collection[int]) -> Sets:
    """The set that says so: the principal and those who cannot be told apart, first of all sets; other sources' sets
    stay.
    """
    members = [principal, *sorted(rivals)]
    known: tuple[int, ...] = next((one for one in sets if principal in one), sets[0] if sets else ())
    joined = (*members, *(index for index in known if index not in members))
    return (joined, *(one for one in sets if one != known and not set(one) <= set(joined)))
