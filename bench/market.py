"""One marketplace, one workspace, hundreds of campaigns: files are ingested and evidence tables traced, as users do.

The other benchmark of attribution gives each campaign a world of its own and starts where the ledger has answered. Here
everything is on: the ledger, draws of controls, samples, what a workspace remembers of earlier campaigns, its error
budget. The marketplace is built apart from `worlds` and from the simulator, by the description that the design gives of
its prototypes: 200,000 customers in 20 regions, 2,000 principals who each open records of one region, the busy
customers' most often, two service accounts that open those of 30 % of all, and senders whose lists are regional.
"""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import leaktrace
from bench.machine import upper_bound
from leaktrace.records import Finding

Integers = NDArray[np.int64]
SIZES = (5, 20, 60)
_DAY = 86_400
_BEGIN, _DAYS, _MAIL_DAY = 1_735_689_600, 400, 385
_REGIONS, _SELLERS, _SERVICES = 20, 60, 2
_HOME = 0.9
"""Share of a principal's accesses that are of the home region."""


@dataclass(frozen=True)
class Market:
    """Who was shown whom before the mail, and where customers live."""

    rng: np.random.Generator
    customers: int
    principals: int
    region: Integers
    home: Integers
    """Region of each principal who is no service account."""
    activity: NDArray[np.float64]
    shown: list[Integers]
    """Customers shown to each principal before the mail."""
    shown_to: list[Integers]
    """Principals who had been shown each customer."""
    buyers: list[Integers]
    """Of each seller, before the mail."""
    seller_region: Integers

    def of_region(self, region: int) -> Integers:
        """Customers who live there."""
        return np.flatnonzero(self.region == region)

    def listed(self, seller: int, count: int) -> Integers:
        """Some of the sender's own list, which is of one region."""
        return self.rng.choice(self.of_region(int(self.seller_region[seller])), count, replace=False)


@dataclass(frozen=True)
class Campaign:
    """A planted one."""

    customers: Integers
    seller: int
    sources: tuple[int, ...] = ()
    noise: float | None = None
    """Where the oracle can be asked: one source who picks all alike."""
    grade: str = "G2"


@dataclass
class Tally:
    """What became of the campaigns of one family and size."""

    count: int = 0
    innocent: int = 0
    sources: int = 0
    named: int = 0
    in_sets: int = 0
    oracle_first: int = 0
    first: int = 0
    oracle_names: int = 0
    both_name: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def market(folder: Path, seed: int, customers: int, principals: int) -> Market:
    """Builds one and writes its tables into the folder."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.sqrt(np.arange(1, _REGIONS + 1))
    share /= share.sum()
    region = rng.choice(_REGIONS, customers, p=share)
    activity = rng.gamma(0.7, 1.0, customers) + 0.02
    home = rng.choice(_REGIONS, principals, p=share)
    lives = [np.flatnonzero(region == one) for one in range(_REGIONS)]
    reach = [np.cumsum(activity[one]) / activity[one].sum() for one in lives]

    def of_home(where: int, count: int) -> Integers:
        return lives[where][np.searchsorted(reach[where], rng.random(count))]

    degree = np.minimum(np.exp(rng.normal(6.3, 0.9, principals)), 9000).astype(np.int64)
    opened = [
        np.where(rng.random(n) < _HOME, of_home(int(where), int(n)), rng.integers(customers, size=n))
        for where, n in zip(home, degree, strict=True)
    ]
    opened += [rng.choice(customers, int(0.3 * customers), replace=False) for _ in range(_SERVICES)]
    principal = np.repeat(np.arange(len(opened)), [len(one) for one in opened])
    customer = np.concatenate(opened)
    at = _BEGIN + rng.integers(_DAYS * _DAY, size=len(customer))
    seller_region = rng.integers(_REGIONS, size=_SELLERS)
    bought = [
        np.where(rng.random(n) < 0.6, of_home(int(where), int(n)), rng.integers(customers, size=n))
        for where, n in zip(seller_region, rng.integers(500, 4000, _SELLERS), strict=True)
    ]
    bought_at = [_BEGIN + rng.integers(_DAYS * _DAY, size=len(one)) for one in bought]
    _write(folder, (customer, principal, at), (bought, bought_at), region, home)
    early = at < _BEGIN + _MAIL_DAY * _DAY
    pairs = np.unique(np.stack([principal[early], customer[early]]), axis=1)
    by_customer = pairs[:, np.argsort(pairs[1], kind="stable")]
    return Market(
        rng=rng,
        customers=customers,
        principals=principals,
        region=region,
        home=home,
        activity=activity,
        shown=np.split(pairs[1], np.searchsorted(pairs[0], np.arange(1, len(opened)))),
        shown_to=np.split(by_customer[0], np.searchsorted(by_customer[1], np.arange(1, customers))),
        buyers=[np.unique(one[when < _BEGIN + _MAIL_DAY * _DAY]) for one, when in zip(bought, bought_at, strict=True)],
        seller_region=seller_region,
    )


def _write(
    folder: Path,
    accesses: tuple[Integers, Integers, Integers],
    contacts: tuple[list[Integers], list[Integers]],
    region: Integers,
    home: Integers,
) -> None:
    customer, principal, at = accesses
    order = np.argsort(at)
    table = {
        "at": _times(at[order]),
        "principal": _names("p", principal[order]),
        "customer": _names("c", customer[order]),
        "fields": pa.array(["email"] * len(at)),
        "action": pa.array(["view"] * len(at)),
    }
    pq.write_table(pa.table(table), folder / "accesses.parquet")
    seller = np.repeat(np.arange(_SELLERS), [len(one) for one in contacts[0]])
    bought = np.concatenate(contacts[0])
    table = {
        "at": _times(np.concatenate(contacts[1])),
        "customer": _names("c", bought),
        "seller": _names("s", seller),
        "kind": pa.array(["order"] * len(bought)),
    }
    pq.write_table(pa.table(table), folder / "contacts.parquet")
    teams = [(f"p{one}", f"r{where}-t{one % 12}", "employee") for one, where in enumerate(home.tolist())]
    teams += [(f"p{len(home) + one}", "systems", "service") for one in range(_SERVICES)]
    _rows(folder / "principals.csv", ("principal", "team", "kind"), teams)
    _rows(folder / "sellers.csv", ("seller", "name"), [(f"s{one}", f"Seller {one}") for one in range(_SELLERS)])
    places = [(f"c{one}", f"region{where}") for one, where in enumerate(region.tolist())]
    _rows(folder / "customers.csv", ("customer", "region"), places)


def _times(seconds: Integers) -> pa.Array[Any]:
    return pa.array(seconds * 1_000_000, pa.timestamp("us", "UTC"))


def _names(letter: str, numbers: Integers) -> pa.Array[Any]:
    return pa.array(np.char.add(letter, numbers.astype(str)))


def _rows(path: Path, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


# --- families ---------------------------------------------------------------------------------------------


def _source(world: Market, at_least: int = 200) -> int:
    able = [one for one in range(world.principals) if len(world.shown[one]) >= at_least]
    return int(world.rng.choice(able))


def _seller(world: Market, source: int) -> int:
    """Half of the sellers have a list of the source's own region."""
    of_services = source >= world.principals
    near = np.flatnonzero(world.seller_region == (-1 if of_services else world.home[source]))
    return int(world.rng.choice(near)) if len(near) and world.rng.random() < 0.5 else int(world.rng.integers(_SELLERS))


def _leak(world: Market, sources: tuple[int, ...], size: int, noise: float) -> Campaign:
    seller = _seller(world, sources[0])
    listed = int(world.rng.binomial(size, noise))
    parts = [world.listed(seller, listed)]
    for source, part in zip(sources, np.array_split(np.arange(size - listed), len(sources)), strict=True):
        parts.append(world.rng.choice(world.shown[source], len(part), replace=False))
    return Campaign(np.unique(np.concatenate(parts)), seller, sources, noise if len(sources) == 1 else None)


def _framed(world: Market, size: int) -> Campaign:
    """A busy source passes on only what a colleague with less than half as many customers was shown too."""
    busy = int(np.quantile([len(one) for one in world.shown], 0.95))
    while True:
        source = _source(world, busy)
        mates = [
            one
            for one in np.flatnonzero(world.home == world.home[source]).tolist()
            if 100 < len(world.shown[one]) < len(world.shown[source]) / 2
        ]
        for mate in world.rng.permutation(mates)[:30].tolist():
            both = np.intersect1d(world.shown[source], world.shown[mate])
            if len(both) >= size:
                return Campaign(world.rng.choice(both, size, replace=False), _seller(world, source), (source,))


def _forged(world: Market, size: int) -> Campaign:
    agent = _source(world)
    customers = world.rng.choice(world.shown[agent], size, replace=False)
    return Campaign(customers, _seller(world, agent), grade="G1")


def _mailing(world: Market, pool: Callable[[int], Integers], size: int, *, active: bool) -> Campaign:
    seller = int(world.rng.integers(_SELLERS))
    among = pool(seller)
    weight = world.activity[among] / world.activity[among].sum() if active else None
    return Campaign(world.rng.choice(among, size, replace=False, p=weight), seller)


FAMILIES: dict[str, Callable[[Market, int], Campaign]] = {
    "one source, noise 0.1": lambda world, size: _leak(world, (_source(world),), size, 0.1),
    "one source, noise 0.3": lambda world, size: _leak(world, (_source(world),), size, 0.3),
    "one source, noise 0.5": lambda world, size: _leak(world, (_source(world),), size, 0.5),
    "one source, noise 0.7": lambda world, size: _leak(world, (_source(world),), size, 0.7),
    "bulk service account, noise 0.3": lambda world, size: _leak(world, (world.principals,), size, 0.3),
    "two sources, noise 0.2": lambda world, size: _leak(world, (_source(world), _source(world)), size, 0.2),
    "three sources, noise 0.2": lambda world, size: _leak(
        world, (_source(world), _source(world), _source(world)), size, 0.2
    ),
    "frames a smaller colleague": _framed,
    "forged G1 about one agent": _forged,
    "sender's regional list": lambda world, size: _mailing(
        world, lambda seller: world.of_region(int(world.seller_region[seller])), size, active=False
    ),
    "the active of a region": lambda world, size: _mailing(
        world, lambda seller: world.of_region(int(world.seller_region[seller])), size, active=True
    ),
    "sender's buyers": lambda world, size: _mailing(world, lambda seller: world.buyers[seller], size, active=False),
    "random customers": lambda world, size: _mailing(world, lambda _: np.arange(world.customers), size, active=False),
    "most active customers": lambda world, size: _mailing(
        world, lambda _: np.arange(world.customers), size, active=True
    ),
}


def oracle(world: Market, campaign: Campaign) -> tuple[int, bool]:
    """Who is likeliest, and whether at 0.99, for somebody who knows noise, list and pick; even odds for an insider."""
    inside = world.region[campaign.customers] == world.seller_region[campaign.seller]
    reach = len(world.of_region(int(world.seller_region[campaign.seller])))
    listed = np.where(inside, 1.0 / reach, 1e-12)
    many = len(world.shown)
    size = np.array([len(one) for one in world.shown])
    hit = np.zeros((many, len(campaign.customers)))
    for column, customer in enumerate(campaign.customers.tolist()):
        hit[world.shown_to[customer], column] = 1.0
    noise = campaign.noise or 0.0
    mixed = noise * listed[None, :] + (1.0 - noise) * hit / np.maximum(size, 1)[:, None]
    ratio = np.log(np.maximum(mixed, 1e-300)).sum(axis=1) - np.log(listed).sum() - np.log(many)
    first = int(np.argmax(ratio))
    chance = 1.0 / (np.exp(ratio - ratio[first]).sum() + np.exp(-ratio[first]))
    return first, bool(chance >= 0.99)


def run(seed: int = 1, repeats: int = 8, customers: int = 200_000, principals: int = 2_000) -> str:
    """The page without its head."""
    tallies: dict[tuple[str, int], Tally] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = market(folder, seed, customers, principals)
        environment = {"LEAKTRACE_KEY_FILE": str(folder / "key")}
        with leaktrace.create(folder / "ws", environment=environment) as workspace:
            for table in ("accesses", "contacts", "principals", "sellers", "customers"):
                workspace.ingest(table, [next(folder.glob(f"{table}.*"))])
            for number, (family, size, campaign) in enumerate(_campaigns(world, repeats)):
                path = folder / f"evidence-{number}.csv"
                _evidence(world, path, campaign)
                finding = workspace.trace(leaktrace.read_evidence(path))
                _count(tallies.setdefault((family, size), Tally()), world, campaign, finding)
            budget = finding.error_budget
    told = budget.sentence if budget is not None else ""
    return f"{_summary(tallies)}\n\nAt the end: {told}\n\n{_table(tallies)}"


def _campaigns(world: Market, repeats: int) -> Iterator[tuple[str, int, Campaign]]:
    for _ in range(repeats):
        for family, make in FAMILIES.items():
            for size in SIZES:
                yield family, size, make(world, size)


def _evidence(world: Market, path: Path, campaign: Campaign) -> None:
    at = _BEGIN + _MAIL_DAY * _DAY + world.rng.integers(10 * _DAY, size=len(campaign.customers))
    rows = [
        (f"c{one}", "report", datetime.fromtimestamp(int(when), UTC).isoformat(), f"s{campaign.seller}", campaign.grade)
        for one, when in zip(campaign.customers.tolist(), at, strict=True)
    ]
    _rows(path, ("customer", "kind", "received_at", "seller", "grade"), rows)


def _count(tally: Tally, world: Market, campaign: Campaign, finding: Finding) -> None:
    sources = {f"p{one}" for one in campaign.sources}
    tally.count += 1
    tally.innocent += bool(set(finding.named) - sources)
    tally.sources += len(sources)
    tally.named += len(set(finding.named) & sources)
    tally.in_sets += sum(any(one in found.principals for found in finding.sets) for one in sources)
    tally.outcomes[finding.undecided.code if finding.undecided is not None else finding.outcome] += 1
    if campaign.noise is not None:
        first, names = oracle(world, campaign)
        tally.oracle_first += first in campaign.sources
        tally.first += bool(finding.candidates) and finding.candidates[0].principal in sources
        tally.oracle_names += names and first in campaign.sources
        tally.both_name += names and first in campaign.sources and bool(set(finding.named) & sources)


def _summary(tallies: dict[tuple[str, int], Tally]) -> str:
    inside = [one for one in tallies.values() if one.sources]
    outside = [one for one in tallies.values() if not one.sources]

    def told(many: list[Tally]) -> str:
        count, innocent = sum(one.count for one in many), sum(one.innocent for one in many)
        return f"{innocent} of {count} (upper 95 % {upper_bound(innocent, count):.4f})"

    rows = [
        ("innocent named, no insider, forgery included", told(outside)),
        ("innocent named, with a source, framing included", told(inside)),
        ("likeliest candidate right, over the oracle's", _share(inside, "first", "oracle_first")),
    ]
    for size in SIZES:
        cell = [tallies["one source, noise 0.3", size]]
        what = f"named rightly of those the oracle names, noise 0.3, {size} reports"
        rows.append((what, _share(cell, "both_name", "oracle_names")))
    several = [tallies[family, 60] for family in ("two sources, noise 0.2", "three sources, noise 0.2")]
    rows.append(("two and three sources, 60 reports: recall of sets", _share(several, "in_sets", "sources")))
    rows.append(("two and three sources, 60 reports: sources named", _share(several, "named", "sources")))
    return "\n".join(["| figure | measured |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])


def _share(many: list[Tally], part: str, whole: str) -> str:
    parts, wholes = (sum(getattr(one, name) for one in many) for name in (part, whole))
    return f"{parts} of {wholes} = {parts / max(wholes, 1):.3f}"


def _table(tallies: dict[tuple[str, int], Tally]) -> str:
    lines = [
        "| family | reports | campaigns | innocent named | sources named | in a set | oracle names | first, oracle | "
        "outcomes |",
        "|" + "---|" * 9,
    ]
    for (family, size), one in tallies.items():
        outcomes = ", ".join(f"{count} {name}" for name, count in one.outcomes.most_common())
        known = (one.oracle_names, f"{one.first} of {one.oracle_first}") if one.oracle_first else ("-", "-")
        of = f" of {one.sources}" if one.sources else ""
        lines.append(
            f"| {family} | {size} | {one.count} | {one.innocent} | {one.named}{of} | {one.in_sets} | {known[0]} | "
            f"{known[1]} | {outcomes} |"
        )
    return "\n".join(lines)
