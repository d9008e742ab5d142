"""The truth that is written down agrees with the files, in every scenario."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leaktrace.records import SimulationTruth
from leaktrace.simulate import SCENARIOS, Scenario, simulate

SEEDS = (3, 4)


@dataclass(frozen=True)
class Access:
    at: datetime
    principal: str
    customer: str
    fields: tuple[str, ...]
    tool: str
    action: str
    reason: str | None


@dataclass(frozen=True)
class Simulated:
    truth: SimulationTruth
    accesses: list[Access]
    kinds: dict[str, str]
    teams: dict[str, str]
    regions: dict[str, str]
    contacts: set[tuple[str, str]]

    def shown_before(self, principal: str, when: datetime) -> set[str]:
        return {a.customer for a in self.accesses if a.principal == principal and "email" in a.fields and a.at < when}


def read(folder: Path, truth: SimulationTruth) -> Simulated:
    log = pq.read_table(folder / "accesses")
    columns = [log[name].to_pylist() for name in ("at", "principal", "customer", "fields", "tool", "action", "reason")]
    with (folder / "principals.csv").open(newline="") as stream:
        principals = list(csv.DictReader(stream))
    customers = pq.read_table(folder / "customers.parquet").to_pylist()
    contacts = pq.read_table(folder / "contacts.parquet").to_pylist()
    return Simulated(
        truth,
        [Access(at, who, whom, tuple(fields), *rest) for at, who, whom, fields, *rest in zip(*columns, strict=True)],
        {p["principal"]: p["kind"] for p in principals},
        {p["principal"]: p["team"] for p in principals},
        {c["customer"]: c["region"] for c in customers},
        {(c["customer"], c["seller"]) for c in contacts},
    )


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Scenario, int], Simulated]:
    made = {}
    for scenario in SCENARIOS:
        for seed in SEEDS:
            out = tmp_path_factory.mktemp(scenario) / "out"
            truth = simulate(
                out, scenario=scenario, seed=seed, customers=2000, principals=60, accesses=24_000, reports=12
            )
            made[scenario, seed] = read(out, truth)
    return made


Worlds = dict[tuple[Scenario, int], Simulated]
WITH_SOURCE: list[tuple[Scenario, int]] = [(s, seed) for s in SCENARIOS if s != "nobody" for seed in SEEDS]
EVERY: list[tuple[Scenario, int]] = [(s, seed) for s in SCENARIOS for seed in SEEDS]


@pytest.mark.parametrize("case", WITH_SOURCE)
def test_what_leaked_had_been_shown_to_a_source_before_the_mail(worlds: Worlds, case: tuple[Scenario, int]) -> None:
    world = worlds[case]
    shown = [world.shown_before(source, world.truth.mail_at) for source in world.truth.sources]
    assert len(world.truth.sources) == (2 if case[0] == "two" else 1)
    assert set(world.truth.leaked_customers) <= set.union(*shown)
    # Each source passed on something of their own, and nobody passed on everything.
    assert all(set(world.truth.leaked_customers) & one for one in shown)
    assert set.union(*shown) - set(world.truth.leaked_customers)
    assert all(world.kinds[source] in {"employee", "contractor"} for source in world.truth.sources)


@pytest.mark.parametrize("case", EVERY)
def test_reporters_were_mailed_and_a_part_of_the_mailed_was_not_leaked(
    worlds: Worlds, case: tuple[Scenario, int]
) -> None:
    truth = worlds[case].truth
    mailed, leaked, reporting = (
        set(truth.mailed_customers),
        set(truth.leaked_customers),
        set(truth.reporting_customers),
    )
    assert reporting <= mailed
    assert leaked <= mailed
    assert len(reporting) == 12
    assert not set(truth.sources) & (set(truth.tied) | set(truth.handlers))
    if case[0] == "nobody":
        assert not truth.sources
        assert not truth.tied
        assert not leaked
    else:
        assert 0.18 < 1 - len(leaked) / len(mailed) < 0.32
        assert reporting & leaked


@pytest.mark.parametrize("case", EVERY)
def test_a_seller_has_lawful_contacts_among_the_mailed(worlds: Worlds, case: tuple[Scenario, int]) -> None:
    world = worlds[case]
    known = {customer for customer, seller in world.contacts if seller == world.truth.seller}
    assert known & set(world.truth.mailed_customers)
    assert set(world.truth.mailed_customers) - known


@pytest.mark.parametrize("case", EVERY)
def test_handlers_open_nearly_all_reporters_after_the_mail(worlds: Worlds, case: tuple[Scenario, int]) -> None:
    world = worlds[case]
    assert len(world.truth.handlers) == 2
    first = world.truth.handlers[0]
    assert world.teams[first] == "complaints"
    opened = {a.customer for a in world.accesses if a.principal == first and a.at > world.truth.mail_at}
    assert len(opened & set(world.truth.reporting_customers)) >= 9


@pytest.mark.parametrize("seed", SEEDS)
def test_only_the_handler_scenario_has_them_open_before_the_mail(worlds: Worlds, seed: int) -> None:
    def opened_early(scenario: Scenario) -> int:
        """Reporters the first handler opened in the twelve days before the mail."""
        world = worlds[scenario, seed]
        window = (world.truth.mail_at - timedelta(days=12), world.truth.mail_at)
        opened = {
            a.customer
            for a in world.accesses
            if a.principal == world.truth.handlers[0] and window[0] <= a.at < window[1]
        }
        return len(opened & set(world.truth.reporting_customers))

    assert opened_early("handler") >= 9
    assert all(opened_early(scenario) < 4 for scenario in SCENARIOS if scenario != "handler")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_access_tells_twins_apart(worlds: Worlds, seed: int) -> None:
    world = worlds["twins", seed]
    (source,) = world.truth.sources
    twins = [p for p in world.truth.tied if world.teams[p] == world.teams[source]]
    assert twins

    def seen(principal: str) -> dict[tuple[str, tuple[str, ...], str, str, str | None], list[datetime]]:
        rows: dict[tuple[str, tuple[str, ...], str, str, str | None], list[datetime]] = {}
        for a in sorted((a for a in world.accesses if a.principal == principal), key=lambda a: a.at):
            rows.setdefault((a.customer, a.fields, a.tool, a.action, a.reason), []).append(a.at)
        return rows

    one = seen(source)
    twin = next(p for p in twins if seen(p).keys() == one.keys())
    other = seen(twin)
    for key, times in one.items():
        assert len(times) == len(other[key])
        assert all(abs((a - b).total_seconds()) < 3600 for a, b in zip(times, other[key], strict=True))
    leaked = set(world.truth.leaked_customers)
    assert leaked <= world.shown_before(twin, world.truth.mail_at)
    # Neither is always the first: order is no evidence either.
    sooner = sum(times[0] < other[key][0] for key, times in one.items())
    assert 0.3 < sooner / len(one) < 0.7


@pytest.mark.parametrize("case", [case for case in WITH_SOURCE if case[0] != "two"])
def test_tied_are_those_who_had_been_shown_all_that_a_source_passed_on_to_reporters(
    worlds: Worlds, case: tuple[Scenario, int]
) -> None:
    world = worlds[case]
    leaked = set(world.truth.leaked_customers) & set(world.truth.reporting_customers)
    everything = {
        principal
        for principal, kind in world.kinds.items()
        if kind != "service" and leaked <= world.shown_before(principal, world.truth.mail_at)
    }
    assert set(world.truth.tied) <= everything
    assert everything - set(world.truth.tied) <= set(world.truth.sources) | set(world.truth.handlers)


@pytest.mark.parametrize("case", EVERY)
def test_the_log_goes_on_after_the_mail_for_days(worlds: Worlds, case: tuple[Scenario, int]) -> None:
    world = worlds[case]
    last = max(a.at for a in world.accesses)
    assert 10 < (last - world.truth.mail_at).days < 25
    ordinary = [a for a in world.accesses if a.at > world.truth.mail_at and a.principal not in world.truth.handlers]
    assert len(ordinary) > 100


def test_service_accounts_open_very_many_and_most_accesses_show_no_address(worlds: Worlds) -> None:
    world = worlds["one", SEEDS[0]]
    opened: dict[str, set[str]] = {}
    for a in world.accesses:
        opened.setdefault(a.principal, set()).add(a.customer)
    by_count = sorted(opened, key=lambda p: -len(opened[p]))
    assert world.kinds[by_count[0]] == "service"
    shown = sum("email" in a.fields for a in world.accesses) / len(world.accesses)
    assert 0.3 < shown < 0.7


def test_people_mostly_open_records_of_their_own_region(worlds: Worlds) -> None:
    world = worlds["one", SEEDS[0]]
    own = [
        world.regions[a.customer] in world.teams[a.principal]
        for a in world.accesses
        if world.teams[a.principal].startswith(("care-", "orders-"))
    ]
    assert 0.8 < sum(own) / len(own) < 0.98
