"""Groups the reports of a mail book: those that are new, or all of them anew; and does what investigators decide.

The rule for the order of things. A run takes the reports that are in no campaign yet, in the canonical order (earliest
mail first), and sees all that was grouped before. So

1. reports that come in one run give what grouping them all at once gives, whatever the order they came in;
2. `regroup` gives what one run over all reports would have given, whatever the history, and then does again what
   investigators decided, in the order they did;
3. where any two reports either agree or have nothing in common, it does not matter how the mail was cut into runs.

Only reports that are like two mailings can so be in one or the other, by what had come before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from leaktrace.errors import UsageError
from leaktrace.mailroom.bookshelf import BookShelf
from leaktrace.mailroom.campaigns import campaign_ids, name_from
from leaktrace.mailroom.clustering import place, reconsider, unite
from leaktrace.mailroom.groupbook import Decision, GroupBook
from leaktrace.mailroom.mailings import part, settle
from leaktrace.mailroom.memoryshelf import MemoryShelf
from leaktrace.mailroom.shelves import Joined, Member

RUN_COUNT = 20_000
"""Reports in one transaction; more are grouped in several."""


def group_pending(book: GroupBook) -> int:
    """Puts every report that is in no campaign yet into one; returns how many there were."""
    done = 0
    if book.has_carried_names():
        return regroup(book)
    while book.pending_count():
        with book.shelf() as shelf:
            numbers = shelf.pending()[:RUN_COUNT]
            settle(shelf, place(shelf, map(shelf.member, numbers)))
            _name(shelf)
        done += len(numbers)
    return done


def regroup(book: GroupBook) -> int:
    """Groups every report anew, all at once; campaigns keep their names, decisions stay. Returns how many there are."""
    known = book.carried_names() | book.assigned()
    with book.shelf() as shelf:
        everybody = sorted(shelf.everybody(), key=lambda member: member.order)
        memory = MemoryShelf()
        settle(memory, place(memory, everybody))
        campaigns = sorted(memory.campaigns().values(), key=lambda members: members[0].order)
        places = {member.number: at for at, member in enumerate(everybody)}
        decided = standing(book.decisions())
        known |= _names_before(decided, campaigns)
        groups = [[places[member.number] for member in members] for members in campaigns]
        names = campaign_ids([member.report for member in everybody], groups, known)
        _copy(memory, shelf, dict(zip((members[0].number for members in campaigns), names, strict=True)))
        numbers = {member.report: member.number for member in everybody}
        for name, report in _names_gone(known, names).items():
            shelf.keep_former_name(name, numbers[report])
        for decision in decided:
            _do_again(shelf, decision)
        _name(shelf)
        shelf.forget_carried()
    return len(everybody)


def _copy(memory: MemoryShelf, shelf: BookShelf, names: Mapping[int, str]) -> None:
    """Writes what was grouped in memory; `names`: first member of a campaign -> its name."""
    shelf.clear()
    for members in sorted(memory.campaigns().values(), key=lambda members: members[0].order):
        clusters = {memory.cluster_of(member.number): 0 for member in members}
        for cluster in clusters:
            clusters[cluster] = shelf.new_cluster()
        for member in members:
            joined = memory.joins.get(member.number, Joined())
            shelf.put(clusters[memory.cluster_of(member.number)], member, joined)
        shelf.name(shelf.new_campaign(list(clusters.values())), names[members[0].number])
        for cluster in clusters.values():
            shelf.settle(shelf.span(cluster))


def _names_before(decided: Sequence[Decision], campaigns: Sequence[Sequence[Member]]) -> dict[str, str]:
    """The names that campaigns had before investigators put them together: each is taken up under its own again."""
    where = {member.number: members for members in campaigns for member in members}
    names: dict[str, str] = {}
    for decision in decided:
        for one, other in decision.pairs if decision.what == "merge" else ():
            if where[one] is not where[other] and decision.other is not None:
                names |= {member.report: decision.campaign for member in where[one]}
                names |= {member.report: decision.other for member in where[other]}
    return names


def _names_gone(known: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    kept = set(names)
    return {name: report for report, name in sorted(known.items(), reverse=True) if name not in kept}


def _name(shelf: BookShelf) -> None:
    """Names campaigns: as they once were named, else after their earliest report."""
    for campaign in shelf.nameless():
        former = shelf.former_name_in(campaign)
        if former is not None:
            shelf.name(campaign, former)
            continue
        first = shelf.first_report(campaign)
        if first is None:
            continue
        attempt = 0
        while shelf.is_taken(name := name_from(first, attempt)):
            attempt += 1
        shelf.name(campaign, name)


# --- what investigators decide ------------------------------------------------------------------------------------


def split(book: GroupBook, campaign: str, reports: Sequence[str], *, who: str, why: str, now: datetime) -> Decision:
    """Takes reports out of a campaign into a new one, for good: later mail joins either, the two never join again.

    UsageError where the campaign is not there, a report is not in it, or nothing would be left.
    """
    with book.shelf() as shelf:
        own = _campaign(shelf, campaign)
        chosen = sorted(_numbers(book, shelf, own, campaign, reports))
        rest = [number for number in shelf.members_of(own) if number not in set(chosen)]
        if not rest:
            raise UsageError(
                f"These are all the reports of {campaign}.", "Name those that do not belong; some must stay."
            )
        new = _take_out(shelf, chosen)
        _name(shelf)
        pairs = tuple((number, rest[0]) for number in chosen)
        _pin(shelf, pairs)
        decision = Decision(
            0, now, who, "split", campaign, shelf.name_of(new), tuple(sorted(set(reports))), pairs, why, None
        )
        return replace(decision, number=book.decide(decision))


def merge(book: GroupBook, campaign: str, other: str, *, who: str, why: str, now: datetime) -> Decision:
    """Makes two campaigns one, for good; the first one's name stays. UsageError where one is not there."""
    with book.shelf() as shelf:
        keep, gone = _campaign(shelf, campaign), _campaign(shelf, other)
        if keep == gone:
            raise UsageError(f"{campaign} and {other} are one campaign already.", "'campaigns show' lists its reports.")
        if shelf.are_apart(keep, gone):
            raise UsageError(
                f"{campaign} and {other} were parted by an investigator.",
                "'campaigns show' gives the number of that decision; 'campaigns undo NUMBER' takes it back.",
            )
        pairs = ((shelf.members_of(keep)[0], shelf.members_of(gone)[0]),)
        shelf.merge_campaigns(keep, gone)
        _pin(shelf, pairs)
        decision = Decision(0, now, who, "merge", campaign, other, (), pairs, why, None)
        return replace(decision, number=book.decide(decision))


def undo(book: GroupBook, number: int, *, who: str, why: str, now: datetime) -> Decision:
    """Takes a split or a merge back, as a decision of its own; then what the mail shows holds again.

    UsageError where there is no such decision, or it was taken back already.
    """
    with book.shelf() as shelf:
        undone = {one.number: one for one in standing(book.decisions())}.get(number)
        if undone is None:
            raise UsageError(
                f"There is no split or merge number {number} that holds.", "'campaigns show' lists the decisions."
            )
        decision = Decision(0, now, who, "undo", undone.campaign, undone.other, (), (), why, number)
        given = replace(decision, number=book.decide(decision))
        still = {one for other in standing(book.decisions()) for pair in other.pairs for one in pair}
        for one in {one for pair in undone.pairs for one in pair} - still:
            shelf.pin(one, pinned=False)
        clusters = {shelf.cluster_with(one) for pair in undone.pairs for one in pair} - {None}
        numbers = [cluster for cluster in clusters if cluster is not None]
        for campaign in sorted({shelf.campaign_of(cluster) or 0 for cluster in numbers}):
            part(shelf, campaign)
        if undone.what == "merge":
            _name_again(shelf, undone)
        if undone.what == "split":
            settle(shelf, reconsider(shelf, numbers))
        _name(shelf)
        return given


def _name_again(shelf: BookShelf, undone: Decision) -> None:
    """Gives two campaigns that are apart again the names they had."""
    for one, other in undone.pairs:
        first, second = shelf.campaign_with(one), shelf.campaign_with(other)
        if first is not None and second is not None and first != second and undone.other is not None:
            shelf.rename({first: undone.campaign, second: undone.other})


def standing(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The splits and merges that nobody took back, the oldest first."""
    undone = {one.undoes for one in decisions}
    return tuple(one for one in decisions if one.what != "undo" and one.number not in undone)


def _do_again(shelf: BookShelf, decision: Decision) -> None:
    _pin(shelf, decision.pairs)
    if decision.what == "merge":
        for one, other in decision.pairs:
            first, second = shelf.campaign_with(one), shelf.campaign_with(other)
            if first is None or second is None or first == second:
                continue
            campaigns = (first, second)
            keep = shelf.campaign_named(decision.campaign)
            if keep is not None and keep in campaigns:
                shelf.merge_campaigns(keep, campaigns[1] if keep == campaigns[0] else campaigns[0])
            else:
                unite(shelf, campaigns[0], campaigns[1])
        return
    rest = {shelf.campaign_with(other) for _, other in decision.pairs}
    again = sorted(number for number, _ in decision.pairs if shelf.campaign_with(number) in rest)
    if again:
        campaign = _take_out(shelf, again)
        if decision.other is not None and shelf.campaign_named(decision.other) is None:
            shelf.name(campaign, decision.other)


def _take_out(shelf: BookShelf, numbers: Sequence[int]) -> int:
    """Puts reports into a new campaign, those of one cluster into one cluster there."""
    by_cluster: dict[int, list[int]] = {}
    for number in numbers:
        by_cluster.setdefault(shelf.cluster_with(number) or 0, []).append(number)
    made = []
    for cluster, several in sorted(by_cluster.items()):
        new = shelf.new_cluster()
        for number in several:
            member = shelf.member(number)
            joined = shelf.joined(number)
            shelf.take(cluster, member)
            shelf.put(new, member, joined)
        made.append(new)
        if shelf.size(cluster):
            shelf.settle(shelf.span(cluster))
    campaign = shelf.new_campaign(made)
    for cluster in made:
        shelf.settle(shelf.span(cluster))
    return campaign


def _pin(shelf: BookShelf, pairs: Sequence[tuple[int, int]]) -> None:
    for pair in pairs:
        for number in pair:
            shelf.pin(number)


def _campaign(shelf: BookShelf, name: str) -> int:
    campaign = shelf.campaign_named(name)
    if campaign is None:
        raise UsageError(f"There is no campaign '{name}'.", "'leaktrace campaigns' lists them.")
    return campaign


def _numbers(book: GroupBook, shelf: BookShelf, campaign: int, name: str, reports: Sequence[str]) -> set[int]:
    found = book.numbers(reports)
    missing = [one for one in reports if one not in found or shelf.campaign_with(found[one]) != campaign]
    if missing or not reports:
        raise UsageError(
            f"{len(missing)} of these reports are not in {name}." if missing else "No report is named.",
            "'leaktrace campaigns show' lists a campaign's reports with their ids.",
        )
    return set(found.values())
