"""How many sources are told, and who stands in the set of each: known answers from made-up chances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution.explanations import GroupWeight, Posterior
from leaktrace.attribution.sets import alone_where_named, sets_of
from leaktrace.attribution.study import Study
from tests.attribution.worlds import background_market, judged, study_of

Chances = dict[tuple[int, ...], float]


@pytest.fixture(scope="module")
def looked() -> tuple[Study, Posterior]:
    """Any study and a look at it; its chances are replaced."""
    market = background_market(size=400, people=12, each=40)
    study = study_of(market, range(0, 60, 5))
    return study, judged(market, study).late


def with_chances(posterior: Posterior, chances: Chances) -> Posterior:
    """The look if just these explain the reports; the rest is nobody inside."""
    single = np.zeros(len(posterior.person))
    person = single.copy()
    for members, chance in chances.items():
        person[list(members)] += chance
        if len(members) == 1:
            single[members[0]] = chance
    groups = [GroupWeight(members, chance) for members, chance in chances.items() if len(members) > 1]
    return replace(
        posterior,
        person=person,
        tied=person,
        single=single,
        groups=tuple(sorted(groups, key=lambda group: -group.probability)),
        nobody=1.0 - sum(chances.values()),
    )


@pytest.mark.parametrize(
    ("chances", "sets"),
    [
        pytest.param({(1,): 0.99}, ((1,),), id="one"),
        pytest.param({(1,): 0.5, (2,): 0.49}, ((1, 2),), id="one of two alike"),
        pytest.param({(1, 2): 0.9, (1,): 0.1}, ((1,), (2,)), id="two"),
        pytest.param({(1, 2): 0.5, (1, 3): 0.45}, ((1,), (2, 3)), id="two, one of them unclear"),
        pytest.param({(1,): 0.7, (1, 2): 0.28}, ((1,), (2,)), id="one, and perhaps one more"),
        pytest.param({(1,): 0.8, (1, 2): 0.18}, ((1,),), id="one, and hardly one more"),
        pytest.param(
            {(1,): 0.7, (1, 2): 0.15, (1, 3): 0.14}, ((1,), (2, 3)), id="one, and perhaps one more of two alike"
        ),
        pytest.param({(1,): 0.4, (1, 2): 0.35, (1, 2, 3): 0.25}, ((1,), (2,), (3,)), id="likelier two at least"),
        pytest.param({(1, 2): 0.6, (1, 2, 3): 0.38}, ((1,), (2,), (3,)), id="two, and perhaps one more"),
        pytest.param({(1,): 0.3, (1, 2): 0.15}, (), id="rather nobody inside"),
        pytest.param({(1,): 0.38, (2,): 0.35, (1, 2): 0.27}, ((1, 2),), id="one of two or both"),
    ],
)
def test_each_source_that_is_likely_enough_has_a_set(
    looked: tuple[Study, Posterior], chances: Chances, sets: tuple[tuple[int, ...], ...]
) -> None:
    study, posterior = looked
    assert sets_of(study, with_chances(posterior, chances), 0.95) == sets


def test_who_may_be_a_source_beside_the_one_named_keeps_a_set(looked: tuple[Study, Posterior]) -> None:
    posterior = with_chances(looked[1], {(1,): 0.6, (1, 2): 0.3, (1, 3): 0.1})
    assert alone_where_named(posterior, ((1, 2, 3),), (1,)) == ((1,), (2, 3))
    assert alone_where_named(posterior, ((1, 3), (2,)), (1,)) == ((1,), (2,))
