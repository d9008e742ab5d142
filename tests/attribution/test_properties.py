"""What must not matter: the order of customers, principals and controls, and the names they go by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.attribution import Group, Judgement, Samples, Study, judge, look_closely, look_first
from tests.attribution.worlds import (
    AROUND,
    Market,
    background_market,
    judged,
    opened_by,
    samples_of,
    study_of,
    unopened,
)


@pytest.fixture(scope="module")
def leak() -> tuple[Market, list[int]]:
    market = background_market(5, size=1200, people=24, each=60)
    market.show("p07", range(150))
    return market, sorted({*opened_by(market, "p07", 16), *unopened(market, 8)})


def shuffled(group: Group, order: np.ndarray) -> Group:
    """The same customers in another order."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return Group(
        group.region[order],
        group.segment[order],
        group.contact[order],
        place[group.pair_customer],
        group.pair_principal,
        group.pair_at,
    )


def told(judgement: Judgement) -> list[tuple[str, float, int]]:
    return [(c.principal, round(c.probability, 9), c.opened_count) for c in judgement.candidates[:8]]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_reports_and_controls_is_nothing(leak: tuple[Market, list[int]], seed: int) -> None:
    market, reports = leak
    study = study_of(market, reports)
    rng = np.random.default_rng(seed)
    cases, controls = rng.permutation(len(reports)), rng.permutation(study.controls.size)
    other: Study = replace(
        study,
        cases=tuple(study.cases[i] for i in cases),
        case_group=shuffled(study.case_group, cases),
        controls=shuffled(study.controls, controls),
        uniform_control=study.uniform_control[controls],
        elsewhere_control=study.elsewhere_control[controls],
    )
    first, second = judged(market, study), judged(market, other)
    assert first.named == second.named
    assert told(first) == told(second)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_other_names_give_the_same_answer_under_other_names(leak: tuple[Market, list[int]], seed: int) -> None:
    market, reports = leak
    order = np.random.default_rng(seed).permutation(len(market.names))
    new = {name: f"x{order[index]:04d}" for index, name in enumerate(market.names)}
    renamed = Market(
        market.size,
        sorted(new.values()),
        {new[name]: team for name, team in market.teams.items()},
        market.region,
        {(customer, new[name]): at for (customer, name), at in market.opened.items()},
        market.contact,
    )
    first, second = judged(market, study_of(market, reports)), judged(renamed, study_of(renamed, reports))
    assert tuple(new[name] for name in first.named) == second.named
    assert sorted((new[name], chance, count) for name, chance, count in told(first)) == sorted(told(second))
    assert second.no_insider_probability == pytest.approx(first.no_insider_probability)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40))
def test_chances_are_chances_and_reports_from_anybody_name_nobody(seed: int, count: int) -> None:
    market = background_market(seed % 7, size=800, people=16, each=50)
    judgement = judged(market, study_of(market, unopened(market, count, seed)))
    assert judgement.named == ()
    assert 0.0 <= judgement.no_insider_probability <= 1.0
    assert all(0.0 <= c.probability <= 1.0 for c in judgement.candidates)
    assert all(0.0 <= found.probability <= 1.0 + 1e-9 for found in judgement.sets)


def test_without_samples_the_answer_is_blunter_but_not_another_name(leak: tuple[Market, list[int]]) -> None:
    market, reports = leak
    study = study_of(market, reports)
    first = look_first(study, AROUND.margin_days)
    assert len(first.shortlist) > 0
    blunt = judge(look_closely(first, Samples.none()), AROUND, insider_prior=0.5)
    assert set(blunt.named) <= {"p07"}
    assert blunt.candidates[0].principal == "p07"
    look = look_closely(first, samples_of(market, range(len(market.names))))
    sharp = judge(look, AROUND, insider_prior=0.5)
    assert sharp.named == ("p07",)


def test_two_sources_are_two_sets() -> None:
    market = background_market()
    market.show("p07", range(400))
    market.show("p21", range(1000, 1400))
    reports = [*range(0, 400, 10), *range(1000, 1400, 10), *unopened(market, 10)]
    judgement = judged(market, study_of(market, sorted(set(reports))))
    assert set(judgement.named) == {"p07", "p21"}
    assert {found.principals for found in judgement.sets} == {("p07",), ("p21",)}


def test_two_colleagues_who_share_a_queue_are_not_named_for_it() -> None:
    market = background_market()
    market.show("p10", range(200))
    market.show("p11", range(200, 400))
    judgement = judged(market, study_of(market, list(range(0, 400, 10))))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "indistinguishable"
