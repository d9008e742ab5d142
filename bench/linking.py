"""Are two incidents one? Pairs of planted campaigns with a known truth; sources and customers only, no mail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from bench.campaigns import WITHOUT, Planted, leak, mailing, several
from bench.studies import judged, study_of
from bench.worlds import TWINS, World, varied_world
from leaktrace.attribution import (
    InBoth,
    Judgement,
    Linked,
    Overlap,
    SellerClaim,
    Suspicion,
    customers_term,
    linked,
    seller_term,
    sender_term,
    sources_term,
)

NOISE = 0.3
REPORTS = (8, 20)
Pair = tuple[Planted, Planted]
Make = Callable[[World, np.random.Generator, int], Pair]


@dataclass(frozen=True)
class Row:
    """One pair and what was said of it."""

    kind: str
    reports: int
    is_one: bool
    probability: float
    sources_bits: float
    customers_bits: float
    outcome: str


def _same_source(world: World, rng: np.random.Generator, k: int) -> Pair:
    first = leak(world, rng, k, NOISE)
    return first, leak(world, rng, k, NOISE, who=first.sources[0])


def _same_twins(world: World, rng: np.random.Generator, k: int) -> Pair:
    return leak(world, rng, k, NOISE, who=world.parts[TWINS][0]), leak(world, rng, k, NOISE, who=world.parts[TWINS][0])


def _one_of_two(world: World, rng: np.random.Generator, k: int) -> Pair:
    both = several(world, rng, 2 * k, 0.2, 2)
    return both, leak(world, rng, k, NOISE, who=both.sources[int(rng.integers(2))])


def _different(world: World, rng: np.random.Generator, k: int) -> Pair:
    first = leak(world, rng, k, NOISE)
    while (second := leak(world, rng, k, NOISE)).sources == first.sources:
        pass
    return first, second


def _colleagues(world: World, rng: np.random.Generator, k: int) -> Pair:
    """Different sources of one team, or of as near a team as there is: they share a queue."""
    first = leak(world, rng, k, NOISE)
    sizes = world.opened_counts(int(first.mailed_at.min()))
    near = np.abs(world.team_of - world.team_of[first.sources[0]])
    able = np.flatnonzero((sizes > 2 * k) & (np.arange(world.principals) != first.sources[0]))
    return first, leak(world, rng, k, NOISE, who=int(able[np.argmin(near[able])]))


def _one_inside(world: World, rng: np.random.Generator, k: int) -> Pair:
    return leak(world, rng, k, NOISE), _planted(WITHOUT["sender's regional list"](world, rng, k))


def _none(world: World, rng: np.random.Generator, k: int) -> Pair:
    made = WITHOUT["sender's regional list"]
    return _planted(made(world, rng, k)), _planted(made(world, rng, k))


def _same_queue_list(world: World, rng: np.random.Generator, k: int) -> Pair:
    """Nobody inside, and both lists lean to one queue's customers: what deceives the findings deceives them alike."""
    inside = world.queue_of_customer == rng.choice(world.queue_of_customer)
    made = [mailing(world, rng, k, "one queue's customers", inside / inside.sum()) for _ in range(2)]
    return made[0], made[1]


def _planted(made: Planted | None) -> Planted:
    assert made is not None, "these families are always there"
    return made


KINDS: dict[str, tuple[bool, Make]] = {
    "same source": (True, _same_source),
    "same source, who has a twin": (True, _same_twins),
    "two sources, and one of them again": (True, _one_of_two),
    "different sources": (False, _different),
    "different sources, one team": (False, _colleagues),
    "a source inside, and a sender's own list": (False, _one_inside),
    "two senders' own lists": (False, _none),
    "two lists of one queue's customers": (False, _same_queue_list),
}


def run(seeds: Iterable[int], processes: int = 2) -> list[Row]:
    """All rows, worlds shared out over processes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with get_context("spawn").Pool(processes) as pool:
        return [row for rows in pool.imap_unordered(_of_world, seeds) for row in rows]


def _of_world(seed: int) -> list[Row]:
    world = varied_world(seed)
    rng = np.random.default_rng(seed + 31_000_000)
    rows = []
    for kind, (is_one, make) in KINDS.items():
        for reports in REPORTS:
            answer = _answer(world, make(world, rng, reports), seed)
            sources, _, _, customers = (term.bits for term in answer.terms)
            rows.append(Row(kind, reports, is_one, answer.probability, sources, customers, answer.outcome))
    return rows


def _answer(world: World, pair: Pair, seed: int) -> Linked:
    first, second = pair
    both = np.intersect1d(first.customers, second.customers)
    kept = ~np.isin(second.customers, both)
    rest = replace(second, customers=second.customers[kept], mailed_at=second.mailed_at[kept])
    found = [judged(world, one, seed) if len(one.customers) else None for one in (first, rest)]
    study = study_of(world, first, seed=seed)
    intensity = study.controls.intensity()[study.uniform_control].astype(np.float64)
    places = [np.bincount(world.region[one.customers], minlength=world.region.max() + 1) for one in pair]
    size = np.bincount(world.region)
    if not world.attributes_known:
        places, size = [np.array([one.sum()]) for one in places], np.array([world.customers])
    overlap = Overlap(
        counts=(len(first.customers), len(second.customers)),
        shared_count=len(both),
        expected_count=float((places[0] * places[1] / np.maximum(size, 1)).sum()),
        busy_times=float((intensity**2).mean() / max(intensity.mean() ** 2, 1e-9)),
        other_shared_count=0,
        other_expected_count=0.0,
    )
    return linked(
        sources_term(_suspicion(world, found[0]), _suspicion(world, found[1]), in_both(found[0], found[1]), prior=0.5),
        seller_term(SellerClaim(None, 0.0), SellerClaim(None, 0.0), []),
        sender_term(frozenset(), frozenset(), {}, 0, tell=frozenset()),
        customers_term(overlap),
    )


def _suspicion(world: World, judgement: Judgement | None) -> Suspicion:
    if judgement is None:
        return Suspicion.none()
    keys = np.arange(world.principals, dtype=np.uint64)
    return Suspicion(keys, judgement.late.person, judgement.no_insider_probability)


def in_both(one: Judgement | None, other: Judgement | None) -> InBoth:
    """Whom both name, and how many both suspect."""
    if one is None or other is None:
        return InBoth()
    named = set(one.named) & set(other.named)
    suspected = [
        {name for members in found.sets for name in members.principals} | set(found.named) for found in (one, other)
    ]
    return InBoth(tuple(sorted(named)), len(suspected[0] & suspected[1]))


def page(rows: list[Row]) -> str:
    """The tables as Markdown."""
    lines = [
        "| pair | reports each | pairs | mean p | p > 0.5 | p < 0.5 | called one | called two | sources, median bits |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        for reports in REPORTS:
            found = [row for row in rows if row.kind == kind and row.reports == reports]
            chance = [row.probability for row in found]
            called = [row.outcome for row in found]
            lines.append(
                f"| {kind} | {reports} | {len(found)} | {np.mean(chance):.3f} | {sum(p > 0.5 for p in chance)} "
                f"| {sum(p < 0.5 for p in chance)} | {called.count('one')} | {called.count('two')} "
                f"| {np.median([row.sources_bits for row in found]):+.1f} |"
            )
    apart = [row for row in rows if not row.is_one]
    factor = np.mean([2.0 ** (row.sources_bits + row.customers_bits) for row in apart])
    together = [row for row in rows if row.is_one]
    told = (
        f"Of {len(together)} pairs that are one incident, {_likely(together)} have p > 0.5 and {_called_one(together)} "
        f"are called one. Of {len(apart)} that are two, {len(apart) - _likely(apart)} have p <= 0.5 and "
        f"{_called_one(apart)} are called one. The mean Bayes factor of those that are two is {factor:.2f}; with exact "
        "terms it would be 1.\n\n"
        "Two lists of one queue's customers that no attribute shows look like two exports of that queue: what deceives "
        "one finding deceives the other alike."
    )
    table = "\n".join(lines)
    return f"Only sources and customers are compared: these marketplaces have no mail.\n\n{table}\n\n{told}"


def _likely(rows: list[Row]) -> int:
    return sum(row.probability > 0.5 for row in rows)


def _called_one(rows: list[Row]) -> int:
    return sum(row.outcome == "one" for row in rows)
