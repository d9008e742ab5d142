"""From chances to an answer. A name needs every one of these; the first that fails says why there is none.

1. There is mail in evidence, the log has accesses in the window, and somebody told us who dealt with whom (contacts);
   a name needs a contact of this very seller with anybody, where most other sellers have one.
2. Enough of the cases have controls like them.
3. The principal, being shown all alike, has at least the naming threshold, with each customer's own mail as the cut,
   and taken alone, too, far more speaks for than against (`ALONE_LOG_RATIO`).
4. So it is with the cut some days before the campaign's first mail (but for a little less certainty). At either cut
   what was opened in a burst, as who handles complaints does, is left out; and so it is with what others opened in a
   burst counted, but for known complaint handlers.
5. Two independent reports of grade G2 or better that the principal had been shown, or a decoy; none of whom the seller
   may know. A list for sale that nobody signed for is one report, however long.
6. For every colleague, "passed on just what this one was shown too" is much the worse explanation. A fixed job (a
   service account that opens nearly everybody) is no colleague. Nor had two others between them been shown nearly all
   that this one was, far beyond chance.
7. Nobody who opens the same customers explains a part of the reports beside them; where a table tells of teams, not
   more likely than not. Nor did most of the cases come to them, or to others too, within days.
8. Nobody else read the field of many customers at once without the log saying whose: they may have been shown all.
   Nor are more than stray rows of the log unread.

The caller still owes: log coverage for "nobody inside" (`Circumstances.log_allows_nobody`), and a person's confirmation
before anything is done to anybody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.accomplices import accomplices_of
from leaktrace.attribution.backing import beside_colleagues, decoy_hit, solid_reports
from leaktrace.attribution.covering import few_covering
from leaktrace.attribution.explanations import ColumnWeight, Posterior, Weighed
from leaktrace.attribution.looks import Circumstances, Looks
from leaktrace.attribution.needs import more_at_all, more_for, more_for_rival
from leaktrace.attribution.sets import Sets, alone_where_named, sets_of
from leaktrace.attribution.study import Indices, Study
from leaktrace.attribution.ties import (
    came_together,
    in_a_burst,
    set_aside_by,
    set_aside_sentence,
    tie_sentence,
    viable_rivals,
    with_rivals,
)
from leaktrace.records import Outcome, UndecidedCode

EARLY_CUT_PROBABILITY = 0.95
"""What the second cut must still say of somebody who is named."""
COLUMN_LOG_RATIO = math.log(100.0)
"""Reports that lean so much (times the number of columns) to what one team, site or tool showed clear nobody."""
ALONE_LOG_RATIO = math.log(20.0)
"""What speaks for somebody who is named, taken alone; where others carry them over the threshold, besides what it costs
to choose one of all principals. Who only fills the gaps that others leave is a set at most."""
COLLEAGUES_ENOUGH = 0.05
"""Where no table tells of teams, nobody is named with this chance to be a source beside others of the same work."""
COLLEAGUES_LIKELY = 0.5
"""The same where a table does: a queue may be shared by several teams."""
WITH_BURSTS_PROBABILITY = 0.95
"""What must still be said of somebody who is named where others' bursts count, but for those of known complaint
handlers: who opened in a burst may be the source, and pass on customers whom the one named had served for long."""
_ACCOMPLICES = (
    "Two others between them had been shown nearly all of the same customers, far beyond chance, and may have passed "
    "on just those."
)
_FORGED_ENOUGH = 0.005
_SHARED_ENOUGH = 0.05
_LEANS_ENOUGH = 0.5
_LEADING = 0.8
_TIED = 0.5
_LIKE_CONTROLS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, in indices of the study's principals."""

    outcome: Outcome
    named: tuple[int, ...]
    suspects: Sets
    """One set per source found."""
    code: UndecidedCode | None
    sentence: str
    needs_about_more_reports: int | None
    tied_by: tuple[int, ...] = ()
    """Of the first set, those who opened the same customers in a burst, and are as likely to have framed its first one
    as to have handled complaints."""
    of_either: bool = False
    """What was opened in a burst counts as likely as not."""


def decide(study: Study, looks: Looks, around: Circumstances) -> Verdict:
    """The verdict from all looks."""
    late, late_all = looks.late, looks.late_all
    sets = sets_of(study, late, around.set_mass)
    if late.view.size == 0:
        return _undecided("too_few_reports", "There is no report from a customer whom the ledger knows.", 2)
    if not around.log_has_accesses:
        return _undecided("log_incomplete", "The log has no accesses that show this field before the mail.", None)
    if not study.contacts_known:
        sentence = (
            "Nobody told which customers the seller may know, and any mail may be lawful. Ingest the contacts; where "
            "they are, most are of nobody whom the ledger knows, or of after the mail: compare their ids and times."
        )
        return _undecided("no_contacts", sentence, None, sets)
    unmatched = len(unmatched_cases(late))
    if 2 * unmatched > late.view.size:
        sentence = f"{unmatched} of {late.view.size} reports come from customers unlike any other in the ledger."
        return _undecided("no_match_for_controls", sentence, None, sets)
    best = _best(late)
    certain = [one for one in late.weighed if late.own[one.principal] >= around.naming_threshold]
    if certain:
        verdicts = [_name_or_not(study, looks, one, sets, around) for one in certain]
        named = tuple(principal for verdict in verdicts for principal in verdict.named)
        if named:
            return Verdict("named", named, alone_where_named(late, sets, named), None, "", None)
        return _with_hidden(study, looks, around, verdicts[0])
    if late_all.nobody < 0.5 < late.nobody:
        return _of_either(study, looks, around)
    # Nobody is cleared only by what is set aside.
    if all(one.cleared(around.clearing_prior) >= around.nobody_threshold for one in (late, looks.late_told)):
        leaning, few = _leaning(late), few_covering(late.view)
        if leaning is not None:
            return _leans(leaning)
        return _shown_to_few(few) if few else _nobody(around)
    verdict = _not_enough(study, looks, best, sets, around)
    aside = _hidden(study, looks, around)
    if best is None or late.own[best.principal] <= _TIED:
        return _of_either(study, looks, around) if aside else verdict
    if aside:
        verdict = replace(verdict, code="indistinguishable", sentence=set_aside_sentence(looks, around))
    bursts = tuple(sorted(aside.union(in_a_burst(looks, viable_rivals(study, looks, best, around)))))
    tied = with_rivals(verdict.suspects, best.principal, bursts)
    return replace(verdict, suspects=tied, tied_by=bursts) if bursts else verdict


def both(given: Verdict, alone: Verdict) -> Verdict:
    """The verdict where there is a prior from elsewhere: `given` with it, `alone` by the reports alone.

    A name needs both, and so does "nobody inside". What is not said with either is said with the reports alone.
    """
    named = tuple(principal for principal in given.named if principal in alone.named)
    if given.outcome == "named" and named:
        return replace(given, named=named)
    if given.outcome == alone.outcome != "named" or given.outcome == "undecided":
        return given
    if alone.outcome == "undecided":
        sentence = f"The given prior would decide this, which no prior may: {alone.sentence}"
        return replace(alone, sentence=sentence)
    sentence = "With the given prior the answer is another than by the reports alone, and neither is given."
    return _undecided("too_few_reports", sentence, None)


def _undecided(code: UndecidedCode, sentence: str, more: int | None, sets: Sets = ()) -> Verdict:
    return Verdict("undecided", (), sets, code, sentence, more)


def _of_either(study: Study, looks: Looks, around: Circumstances) -> Verdict:
    """Somebody explains the reports only with what is set aside: a source, or whoever handled complaints."""
    hidden = sets_of(study, looks.late_all, around.set_mass)
    return replace(_undecided("indistinguishable", set_aside_sentence(looks, around), None, hidden), of_either=True)


def _hidden(study: Study, looks: Looks, around: Circumstances) -> set[int]:
    """Who explains the reports with what is set aside, and is not known to handle complaints."""
    told = np.maximum(looks.late_told.own, looks.late_told.person)
    return {index for index in set_aside_by(study, looks, around) if told[index] > _TIED}


def _with_hidden(study: Study, looks: Looks, around: Circumstances, verdict: Verdict) -> Verdict:
    """The same where somebody else explains the reports with what is set aside: they have sets of their own."""
    known = {member for members in verdict.suspects for member in members}
    hidden = _hidden(study, looks, around) - known
    if not hidden:
        return verdict
    told = sets_of(study, looks.late_told, around.set_mass)
    more = [next((members for members in told if index in members), (index,)) for index in sorted(hidden)]
    sentence = f"{verdict.sentence} {set_aside_sentence(looks, around)}"
    return replace(verdict, suspects=(*verdict.suspects, *dict.fromkeys(more)), sentence=sentence, of_either=True)


def _leaning(late: Posterior) -> ColumnWeight | None:
    """The column whose customers the reports are far beyond chance, if there is one."""
    best = max(late.columns, key=lambda one: one.column.plain_log_ratio, default=None)
    if best is None or best.column.plain_log_ratio < COLUMN_LOG_RATIO + math.log(max(late.column_count, 1)):
        return None
    return best


def _leans(column: ColumnWeight) -> Verdict:
    sentence = (
        f"No single principal explains the reports, but far beyond chance they come from the customers of "
        f"{column.column.label}: a list of just those, or an export that the log does not show."
    )
    return _undecided("common_cause", sentence, None)


def _shown_to_few(few: tuple[int, ...]) -> Verdict:
    who = "One principal" if len(few) == 1 else f"{len(few)} principals between them"
    sentence = (
        f"{who} had been shown nearly all of these customers, far beyond chance: sources, or a list of just their "
        "customers; neither somebody nor nobody can be said."
    )
    return _undecided("common_cause", sentence, None)


def _nobody(around: Circumstances) -> Verdict:
    if around.log_allows_nobody:
        return Verdict("nobody", (), (), None, "", None)
    sentence = "Nobody in the log explains the mail, but the log has gaps that could hide a source."
    return _undecided("log_incomplete", sentence, None)


def _best(posterior: Posterior) -> Weighed | None:
    if not posterior.weighed:
        return None
    return max(posterior.weighed, key=lambda one: posterior.own[one.principal])


def _name_or_not(study: Study, looks: Looks, best: Weighed, sets: Sets, around: Circumstances) -> Verdict:
    """Whether this one is named. Where what others opened in a burst takes this one's place, they handed it on or
    handled complaints: then all of them are in the set.
    """
    verdict, told = _named_without_bursts(study, looks, best, sets, around), looks.late_told
    if told.own[best.principal] >= WITH_BURSTS_PROBABILITY:
        return verdict
    bursts = {index for index in set_aside_by(study, looks, around) if told.person[index] > _SHARED_ENOUGH}
    if verdict.outcome == "named":
        verdict = _undecided("indistinguishable", set_aside_sentence(looks, around), None, sets)
    elif not bursts:
        return verdict
    members = with_rivals(verdict.suspects or sets, best.principal, bursts)
    return replace(verdict, suspects=members, tied_by=tuple(sorted(bursts.union(verdict.tied_by))))


def _named_without_bursts(study: Study, looks: Looks, best: Weighed, sets: Sets, around: Circumstances) -> Verdict:
    """Whether this one is named by what is not set aside; the numbers are those of the rules above."""
    late, early = looks.late, looks.early
    principal = best.principal
    if study.seller_known and not study.seller_dealt:  # 1
        sentence = (
            "The contacts table has contacts of most sellers and not one of this seller before the mail: they are "
            "missing, or stand under another id, and mail to its own customers would look the same for whoever serves "
            "them. If it has no customers, say so in the setting sellers_without_customers."
        )
        return _undecided("no_contacts", sentence, None, sets)
    if early.own[principal] < EARLY_CUT_PROBABILITY:  # 4
        sentence = (
            f"What was opened more than {around.margin_days} days before the first mail does not single this principal "
            "out; whoever handled an earlier, unreported mail would look the same."
        )
        return _undecided("indistinguishable", sentence, more_for(late, best, around.naming_threshold), sets)
    least = ALONE_LOG_RATIO  # 3
    if late.single[principal] < around.naming_threshold:  # beside others: then the choice of whom has to be paid alone
        least += math.log(max(int((study.opened_count > 0).sum()), 1))
    if late.log_ratio[principal] < least or not best.rivals_weighed:
        sentence = (
            "Beside other sources this principal explains the rest of the reports, but alone too little speaks for it."
        )
        return _undecided("too_few_reports", sentence, more_for(late, best, around.naming_threshold), sets)
    # 7
    if beside_colleagues(late, best) > (COLLEAGUES_LIKELY if study.teams_known else COLLEAGUES_ENOUGH):
        sentence = (
            "Others who open the same customers explain a part of the reports beside this principal: an export of "
            "their queue by a colleague, or a list of its customers, would look the same."
        )
        if not study.teams_known:
            sentence += " No table says who works in one team: ingest the principals with their teams."
        return _undecided("indistinguishable", sentence, None, sets)
    solid = solid_reports(study, late, best)  # 5
    if solid < 2 and not decoy_hit(study, late, best):
        sentence = (
            "A name needs two independent reports of grade G2 or better (mail forwarded as an attachment) that no "
            f"other path explains; {solid} of those that point the same way {'is' if solid == 1 else 'are'}."
        )
        return _undecided("weak_grade", sentence, 2 - solid, sets)
    viable = viable_rivals(study, looks, best, around)  # 6
    if viable:
        rival = max(viable, key=lambda one: (one.log_ratio, -one.rival))
        members = with_rivals(sets, principal, {one.rival for one in viable})
        bursts = in_a_burst(looks, viable)
        more = more_for_rival(best, rival, rival.needed)
        tied = _undecided("indistinguishable", tie_sentence(late.view, viable, bursts), more, members)
        return replace(tied, tied_by=bursts)
    together = came_together(looks, principal)  # 7
    if together:
        return _undecided("common_cause", together, None, sets)
    pair = accomplices_of(late.view, best)  # 6
    if pair:
        return _undecided("indistinguishable", _ACCOMPLICES, None, with_rivals(sets, principal, pair))
    unseen = _unseen(study, principal, around)  # 8
    if unseen is not None:
        return _undecided("log_incomplete", unseen, None, sets)
    return Verdict("named", (principal,), sets, None, "", None)


def _unseen(study: Study, principal: int, around: Circumstances) -> str | None:
    """What others may have been shown without the log saying so, in a sentence; None where it is all there."""
    if around.rows_unread:
        return (
            "Many rows of the log could not be read: somebody else may have been shown the same customers there. "
            "Ingest them before anybody is named."
        )
    others = around.bulk_readers - {study.principals[principal].name}
    if not others:
        return None
    return (
        f"{len(others)} other principal(s) read this field of many customers at once, and the log does not say "
        "whose; what they were shown must be known before anybody is named. If it is checked what became of all they "
        "read so, name them in the setting checked_bulk_readers and trace again."
    )


def unmatched_cases(posterior: Posterior) -> Indices:
    """Mailed cases with fewer than five controls of their region near their contact intensity."""
    view = posterior.view
    intensity = view.controls.intensity()
    lacking = []
    for region in np.unique(view.region).tolist():
        here = np.sort(intensity[view.controls.region == region])
        rows = np.flatnonzero(view.region == region)
        low = np.searchsorted(here, 0.4 * view.intensity[rows] - 2)
        high = np.searchsorted(here, 2.5 * view.intensity[rows] + 2, side="right")
        lacking += rows[high - low < _LIKE_CONTROLS].tolist()
    return np.array(sorted(lacking), dtype=np.int64)


def _not_enough(study: Study, looks: Looks, best: Weighed | None, sets: Sets, around: Circumstances) -> Verdict:
    late = looks.late
    leaning = _leaning(late)
    if leaning is not None and late.leaning > _LEANS_ENOUGH:
        return _leans(leaning)
    plain = late.nobody - late.forged
    if late.forged > _FORGED_ENOUGH and best is not None and late.forged > max(0.3 * (1.0 - late.nobody), 0.2 * plain):
        weak = solid_reports(study, late, best) < 2
        sentence = "Reports of this kind can be made up about one principal's customers, and may have been."
        return _undecided("weak_grade" if weak else "common_cause", sentence, 2 if weak else None, sets)
    covering = {
        rival
        for rival in (viable_rivals(study, looks, best, around) if best is not None else ())
        if rival.missed == 0.0 and best is not None and late.own[best.principal] > _LEADING
    }
    if best is not None and covering:
        sentence = "Somebody else had been shown all of the same customers in time and may have passed on just those."
        rival = max(covering, key=lambda one: (one.log_ratio, -one.rival))
        members = with_rivals(sets, best.principal, {one.rival for one in covering})
        return _undecided("indistinguishable", sentence, more_for_rival(best, rival, rival.needed), members)
    if late.nobody < 0.1 and _one_queue(late):
        sentence = "Colleagues of one team explain the reports together; an export of their queue would look the same."
        return _undecided("indistinguishable", sentence, None, sets)
    if (late.nobody < 0.1 and late.tied_rivals > _SHARED_ENOUGH) or (late.nobody < 0.5 and _tied(late, best)):
        sentence = "Colleagues had been shown the same customers in time; the reports do not tell them apart."
        return _undecided("indistinguishable", sentence, _more_between(late), sets)
    if best is None:
        return _undecided("too_few_reports", "The reports do not say enough either way.", more_at_all(late), sets)
    sentence = "The reports point nowhere clearly enough."
    more = more_for(late, best, around.naming_threshold) if late.nobody < 0.5 else more_at_all(late)
    return _undecided("too_few_reports", sentence, more, sets)


def _one_queue(late: Posterior) -> bool:
    """Whether the best explanation is several people of one team."""
    best = late.groups[0] if late.groups else None
    if best is None or best.probability < max(0.5, float(late.single.max())):
        return False
    teams = [late.view.study.principals[member].team for member in best.members]
    return any(team is not None and teams.count(team) > 1 for team in teams)


def _more_between(late: Posterior) -> int | None:
    """About how many more reports would part the closest two; null where nothing does."""
    pairs = [(one, rival) for one in late.weighed for rival in one.rivals]
    if not pairs:
        return None
    one, rival = max(pairs, key=lambda pair: (pair[1].log_ratio, -pair[1].rival))
    return more_for_rival(one, rival, rival.needed)


def _tied(late: Posterior, best: Weighed | None) -> bool:
    """Whether somebody else's exposures are the very same as the best candidate's, or a team's are."""
    if best is None:
        return False
    return any(
        one.principal != best.principal and bool((one.shown == best.shown).all())
        for one in late.weighed
        if late.tied[one.principal] > 0.05
    )
