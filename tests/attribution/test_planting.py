"""Planted campaigns are what they say: whom a source leaks they had been shown before the mail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.attribution import Channels, Group
from leaktrace.attribution.planting import (
    WITH_SOURCE,
    WITHOUT_SOURCE,
    Market,
    Planted,
    draw_sources,
    eligible,
    fixed_jobs,
    random_customers,
    study_of,
    tied_in_team,
)
from leaktrace.attribution.study import Indices
from leaktrace.records import PrincipalFacts

START, SPREAD = 1_000_000, 1_000
CUSTOMERS, PRINCIPALS = 900, 24
TWINS = (0, 1)


def made_market(seed: int, *, regions: int = 4) -> Market:
    """Teams of four; one in ten accesses comes after the first mail; the first two principals were shown the same."""
    rng = np.random.default_rng(seed)
    shown = rng.random((CUSTOMERS, PRINCIPALS)) < rng.uniform(0.08, 0.4, PRINCIPALS)
    shown[:, TWINS[1]] = shown[:, TWINS[0]]
    customer, principal = np.nonzero(shown)
    mail_at = START + rng.integers(0, SPREAD, CUSTOMERS)
    at = np.where(rng.random(len(customer)) < 0.1, START + SPREAD // 2, rng.integers(0, START, len(customer)))
    at[np.isin(principal, TWINS)] = 5
    kept = at < mail_at[customer]
    customer, principal, at = customer[kept], principal[kept], at[kept]
    region = rng.integers(1, regions + 1, CUSTOMERS) if regions else np.zeros(CUSTOMERS, dtype=np.int64)
    before = at < START
    alike = rng.random(CUSTOMERS) < 0.7
    return Market(
        principals=tuple(
            PrincipalFacts(key=i, name=f"p{i:02}", team=f"team {i // 4}", kind="employee") for i in range(PRINCIPALS)
        ),
        opened_count=np.bincount(principal[before], minlength=PRINCIPALS),
        customer_count=CUSTOMERS,
        start_at=START,
        people=Group(region, region * 0, np.zeros(CUSTOMERS, dtype=np.bool_), customer, principal, at),
        mail_at=mail_at,
        known_elsewhere=np.zeros(CUSTOMERS, dtype=np.bool_),
        uniform=alike & (rng.random(CUSTOMERS) < 0.6),
        alike=alike,
        by_region=~alike & (rng.random(CUSTOMERS) < 0.8),
        elsewhere=np.zeros(CUSTOMERS, dtype=np.bool_),
        openings={i: np.unique(customer[before & (principal == i)]) for i in range(PRINCIPALS)},
        channels=_made_channels(customer, principal, at),
        near_count=40,
        region_known=regions > 0,
    )


def _made_channels(customer: Indices, principal: Indices, at: Indices) -> Channels:
    """Even principals use one tool, the others the other; each customer and tool once, with the first time."""
    nothing = np.zeros(0, dtype=np.int64)
    order = np.lexsort((at, principal % 2, customer))
    key = (customer * 2 + principal % 2)[order]
    first = order[np.append(True, np.diff(key) > 0)]
    return Channels(("tool a", "tool b"), nothing, nothing, nothing, customer[first], principal[first] % 2, at[first])


MARKET = made_market(1)


def shown_before(market: Market, principals: Indices) -> Indices:
    """Customers whom any of these had been shown before the first mail."""
    group = market.people
    kept = np.isin(group.pair_principal, principals) & (group.pair_at < market.start_at)
    return np.unique(group.pair_customer[kept])


def planted_leak(market: Market, kind: str, size: int, noise: float, seed: int) -> Planted | None:
    rng = np.random.default_rng(seed)
    many, plant = WITH_SOURCE[kind]  # type: ignore[index]
    sources = draw_sources(market.opened_count, size, many, rng)
    return plant(market, rng, size, noise, sources) if len(sources) else None


leaks = st.builds(
    planted_leak,
    st.just(MARKET),
    st.sampled_from(list(WITH_SOURCE)),
    st.integers(1, 40),
    st.floats(0.0, 0.9),
    st.integers(0, 10**6),
).filter(lambda planted: planted is not None)


@settings(deadline=None, max_examples=60)
@given(leaks)
def test_a_source_had_been_shown_whom_it_leaks_before_the_mail(planted: Planted) -> None:
    assert set(planted.leaked.tolist()) <= set(shown_before(MARKET, planted.sources).tolist())
    assert set(planted.leaked.tolist()) <= set(planted.customers.tolist())


@settings(deadline=None, max_examples=60)
@given(leaks)
def test_there_are_as_many_reports_as_asked_for_and_each_customer_once(planted: Planted) -> None:
    assert len(planted.customers) == len(set(planted.customers.tolist())) == planted.report_count
    assert len(set(planted.sources.tolist())) == WITH_SOURCE[planted.kind][0]
    noise = np.setdiff1d(planted.customers, planted.leaked)
    assert MARKET.listed[noise].all()


@pytest.mark.parametrize("seed", range(8))
def test_without_noise_everybody_was_leaked(seed: int) -> None:
    planted = planted_leak(MARKET, "one_source", 25, 0.0, seed)
    assert planted is not None
    assert planted.leaked.tolist() == planted.customers.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_a_chosen_part_was_all_shown_to_one_colleague_too(seed: int) -> None:
    planted = planted_leak(MARKET, "chosen_part", 8, 0.2, seed)
    assert planted is not None
    others = [i for i in range(PRINCIPALS) if i not in planted.sources]
    assert any(
        set(planted.leaked.tolist()) <= set(shown_before(MARKET, np.array([other])).tolist()) for other in others
    )


@pytest.mark.parametrize("kind", list(WITHOUT_SOURCE))
@pytest.mark.parametrize("size", [1, 20])
def test_without_insider_there_is_no_source(kind: str, size: int) -> None:
    planted = WITHOUT_SOURCE[kind](MARKET, np.random.default_rng(3), size)  # type: ignore[index]
    assert planted is not None
    assert len(planted.sources) == len(planted.leaked) == 0
    assert len(planted.customers) == size
    assert MARKET.listed[planted.customers].all()


def test_a_regional_list_is_of_one_region_and_needs_regions() -> None:
    planted = WITHOUT_SOURCE["one_region"](MARKET, np.random.default_rng(3), 20)
    assert planted is not None
    assert len(set(MARKET.people.region[planted.customers].tolist())) == 1
    assert WITHOUT_SOURCE["one_region"](made_market(1, regions=0), np.random.default_rng(3), 20) is None


def test_nothing_is_planted_where_there_is_no_room() -> None:
    nobody = replace(MARKET, alike=MARKET.alike & False, by_region=MARKET.by_region & False)
    for make in WITHOUT_SOURCE.values():
        assert make(nobody, np.random.default_rng(1), 5) is None
    assert len(draw_sources(MARKET.opened_count, 10**6, 1, np.random.default_rng(1))) == 0


def test_a_teams_list_is_not_one_members_list() -> None:
    """Without the guard a team of one would do, and its list is that member's leak."""
    alone = tuple(replace(facts, team=f"team {facts.name}") for facts in MARKET.principals)
    assert WITHOUT_SOURCE["one_team"](replace(MARKET, principals=alone), np.random.default_rng(1), 5) is None


@settings(deadline=None, max_examples=40)
@given(leaks, st.integers(0, 99))
def test_the_study_holds_nothing_after_a_customers_own_mail(planted: Planted, seed: int) -> None:
    study, controls = study_of(MARKET, planted, np.random.default_rng(seed))
    group = study.case_group
    own = np.array([case.sure_at for case in study.cases])
    assert own.tolist() == MARKET.mail_at[planted.customers].tolist()
    assert (group.pair_at < own[group.pair_customer]).all()
    assert not set(controls.tolist()) & set(planted.customers.tolist())
    assert study.controls.size == len(controls) == len(study.uniform_control)
    assert {case.grade for case in study.cases} == {"G2"}
    assert len({case.reporter for case in study.cases}) == planted.report_count


def test_channels_come_with_the_customers_they_are_of() -> None:
    planted = random_customers(MARKET, np.random.default_rng(3), 30)
    assert planted is not None
    study, controls = study_of(MARKET, planted, np.random.default_rng(4))
    whole = MARKET.channels

    def rows(customer: Indices, channel: Indices, at: Indices) -> set[tuple[int, ...]]:
        return set(zip(customer.tolist(), channel.tolist(), at.tolist(), strict=True))

    asked = rows(whole.control_customer, whole.control_channel, whole.control_at)
    cases = {row for row in asked if row[0] in planted.customers}
    others = {row for row in asked if row[0] in controls}
    found = study.channels
    assert rows(planted.customers[found.case_customer], found.case_channel, found.case_at) == cases
    assert rows(controls[found.control_customer], found.control_channel, found.control_at) == others
    assert found.labels == whole.labels


def test_who_opened_too_little_is_no_source() -> None:
    opened = np.array([0, 19, 20, 39, 40, 200])
    assert eligible(opened, 3).tolist() == [2, 3, 4, 5]
    assert eligible(opened, 20).tolist() == [4, 5]


def test_twins_are_found_and_a_fixed_job_is_nobodys_twin() -> None:
    tied = tied_in_team(MARKET)
    assert [index for index, found in tied.items() if found] == list(TWINS)
    job = replace(MARKET.principals[1], kind="service")
    principals = (MARKET.principals[0], job, *MARKET.principals[2:])
    small = replace(MARKET, principals=principals, customer_count=int(MARKET.opened_count[1]))
    assert fixed_jobs(small).tolist() == [1]
    assert not tied_in_team(small)[0]
