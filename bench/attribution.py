"""The finder, two references and seven published methods over families of campaigns, each world independent."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np

from bench.campaigns import WITH_SOURCE, WITHOUT, Planted
from bench.peers import PEERS, table_of
from bench.references import Reference, family_rule, findable, findable_by_matched, matched_rule, oracle
from bench.studies import judged
from bench.worlds import World, varied_world

SIZES = (5, 20, 60)
NO_REFERENCE = ("frames", "unlogged")
"""Families whose truth no reference can know: it would have to be told who did it."""


@dataclass(frozen=True)
class Yardstick:
    """What a reference said."""

    right_first: bool
    named_source: bool
    named_innocent: bool
    set_size: int


@dataclass(frozen=True)
class Row:
    """One campaign: what was planted and what was said."""

    seed: int
    attributes_known: bool
    family: str
    size: int
    sources: frozenset[str]
    outcome: str
    code: str | None
    named: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]
    nobody: float
    candidates: tuple[tuple[str, float], ...]
    right_first: bool
    oracle: Yardstick | None
    rule: Yardstick | None
    matched: Yardstick | None
    findable_count: int | None
    """Of several sources, those that `references.findable` finds."""
    matched_findable_count: int | None
    """And `findable_by_matched`."""
    peers: dict[str, tuple[bool, bool, bool]] = field(default_factory=dict)
    """Right first, a source named, an innocent named."""
    seconds: float = 0.0

    @property
    def named_source(self) -> bool:
        """Whether a source was named."""
        return bool(set(self.named) & self.sources)

    @property
    def named_innocent(self) -> bool:
        """Whether anybody else was."""
        return bool(set(self.named) - self.sources)

    @property
    def covered(self) -> bool:
        """Whether some set holds a source."""
        return any(set(members) & self.sources for members in self.sets)


def run(seeds: Iterable[int], sizes: Iterable[int] = SIZES, repeats: int = 1, processes: int = 2) -> list[Row]:
    """All rows, worlds shared out over processes."""
    tasks = [(seed, tuple(sizes), repeats) for seed in seeds]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with get_context("spawn").Pool(processes) as pool:
        return [row for rows in pool.imap_unordered(_of_world, tasks) for row in rows]


def _of_world(task: tuple[int, tuple[int, ...], int]) -> list[Row]:
    seed, sizes, repeats = task
    return list(rows_of(varied_world(seed), sizes, repeats))


def rows_of(world: World, sizes: Iterable[int], repeats: int) -> Iterator[Row]:
    """All families and sizes in one world."""
    for number, (name, make) in enumerate((WITH_SOURCE | WITHOUT).items()):
        for size in sizes:
            for repeat in range(repeats):
                planted = make(world, np.random.default_rng([world.seed, number, size, repeat]), size)
                if planted is not None:
                    yield row_of(world, planted, name, size)


def row_of(world: World, planted: Planted, name: str, size: int) -> Row:
    """Everybody's answer to one campaign."""
    started = time.perf_counter()
    judgement = judged(world, planted, world.seed)
    seconds = time.perf_counter() - started
    names = [facts.name for facts in world.facts]
    sources = frozenset(names[index] for index in planted.sources)
    tied = sources | {names[index] for index in planted.tied}
    known = len(planted.sources) == 1 and not name.startswith(NO_REFERENCE)
    candidates = tuple((one.principal, one.probability) for one in judgement.candidates)
    return Row(
        seed=world.seed,
        attributes_known=world.attributes_known,
        family=name,
        size=size,
        sources=sources,
        outcome=judgement.verdict.outcome,
        code=judgement.verdict.code,
        named=judgement.named,
        sets=tuple(found.principals for found in judgement.sets),
        nobody=judgement.no_insider_probability,
        candidates=candidates,
        right_first=bool(candidates and candidates[0][0] in tied),
        oracle=_yardstick(oracle(world, planted), planted) if known else None,
        rule=_yardstick(family_rule(world, planted), planted) if known else None,
        matched=_yardstick(matched_rule(world, planted), planted) if known else None,
        findable_count=findable(world, planted) if len(planted.sources) > 1 else None,
        matched_findable_count=findable_by_matched(world, planted) if len(planted.sources) > 1 else None,
        peers=_peers(world, planted),
        seconds=seconds,
    )


def _yardstick(reference: Reference, planted: Planted) -> Yardstick:
    named = reference.named()
    able = {*planted.sources, *planted.tied}
    return Yardstick(
        right_first=reference.top in able,
        named_source=named in planted.sources,
        named_innocent=named is not None and named not in planted.sources,
        set_size=reference.set_size(),
    )


def _peers(world: World, planted: Planted) -> dict[str, tuple[bool, bool, bool]]:
    table, sources = table_of(world, planted), set(planted.sources)
    able = sources | set(planted.tied)
    found = {}
    for name, method in PEERS.items():
        peer = method(table)
        named = set(peer.named)
        found[name] = (peer.top in able, bool(named & sources), bool(named - sources))
    return found
