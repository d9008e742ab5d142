"""The language of conditions: what it says it says twice, nothing else gets in, three values behave as logic does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.caserecords import ExposedGroup
from leaktrace.errors import ResponseError
from leaktrace.response.duties.syntax import (
    CEILING_CHARACTERS,
    CEILING_DEPTH,
    And,
    Condition,
    Constant,
    Count,
    Fact,
    Fields,
    Not,
    Or,
    parse,
    write,
)
from leaktrace.response.duties.truth import Range, View, compare, every, some, truth

FACTS = ("alpha", "beta", "gamma")
KINDS = ("email", "password", "name")
ATOMS = st.one_of(
    st.builds(Constant, st.booleans()),
    st.builds(Fact, st.sampled_from(FACTS)),
    st.builds(
        Fields,
        st.sampled_from(["any", "all", "only"]),
        st.lists(st.sampled_from(KINDS), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Count,
        st.sampled_from([None, "DE", "US-CA"]),
        st.sampled_from(["<", "<=", ">", ">=", "=="]),
        st.integers(0, 10**6),
    ),
)


def _joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, parts), st.builds(Or, parts))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(ATOMS, _joined, max_leaves=12)
TRUTHS = st.sampled_from([True, False, None])


def read(text: str) -> Condition:
    return parse(text, facts=FACTS, fields=KINDS)


@given(CONDITIONS)
def test_what_is_written_reads_as_it_was(condition: Condition) -> None:
    assert read(write(condition)) == condition


@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_its_place(text: str) -> None:
    try:
        condition = read(text)
    except ResponseError as error:
        told = error.message
    else:
        told = f"character: {write(condition)}"
        assert read(write(condition)) == condition
    assert "character" in told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alpha beta",
        "delta",
        "__import__('os')",
        "count",
        "count >= ",
        "count >= -1",
        "count >= 1.5",
        "count >= 99999999999999999999",
        "count = 1",
        "fields",
        'fields has "ssn"',
        "fields has email",
        "fields only ()",
        "residents(DE) > 1",
        'residents("DE" > 1',
        "(alpha",
        "alpha)",
        "not",
        "alpha and or beta",
        'fields has any ("email",)',
        "lambda",
        "alpha.beta",
        "count >= 1; count",
        "ALPHA",
        "count >= ٣",
    ],
)
def test_the_grammar_is_closed(text: str) -> None:
    with pytest.raises(ResponseError):
        read(text)


def test_there_are_ceilings() -> None:
    with pytest.raises(ResponseError, match="longer"):
        read("alpha or " * CEILING_CHARACTERS + "alpha")
    deep = CEILING_DEPTH + 1
    with pytest.raises(ResponseError, match="nested"):
        read("(" * deep + "alpha" + ")" * deep)
    with pytest.raises(ResponseError, match="nested"):
        read("not " * deep + "alpha")


def test_and_binds_closer_than_or_and_not_closest() -> None:
    assert read("alpha or beta and not gamma") == Or((Fact("alpha"), And((Fact("beta"), Not(Fact("gamma"))))))


@given(st.lists(TRUTHS, min_size=1, max_size=5))
def test_three_values_agree_with_every_way_to_fill_them_in(values: list[bool | None]) -> None:
    filled: list[list[bool]] = [[]]
    for value in values:
        filled = [[*row, one] for row in filled for one in ([True, False] if value is None else [value])]
    together = {all(row) for row in filled}
    assert every(values) == (together.pop() if len(together) == 1 else None)
    either = {any(row) for row in filled}
    assert some(values) == (either.pop() if len(either) == 1 else None)


@given(st.integers(0, 30), st.integers(0, 10), st.sampled_from(["<", "<=", ">", ">=", "=="]), st.integers(0, 40))
def test_a_range_compares_as_its_numbers_do(low: int, width: int, sign: str, number: int) -> None:
    compares = {
        "<": lambda one: one < number,
        "<=": lambda one: one <= number,
        ">": lambda one: one > number,
        ">=": lambda one: one >= number,
        "==": lambda one: one == number,
    }
    answers = {compares[sign](one) for one in range(low, low + width + 1)}
    expected = answers.pop() if len(answers) == 1 else None
    assert compare(Range(low, low + width), sign, number) == expected  # type: ignore[arg-type]


GROUPS = st.lists(
    st.builds(
        ExposedGroup,
        st.none(),
        st.sets(st.sampled_from(KINDS), min_size=1).map(lambda names: tuple(sorted(names))),
        st.integers(1, 9),
    ),
    max_size=3,
)


@given(CONDITIONS, GROUPS, st.dictionaries(st.sampled_from(FACTS), st.booleans()), st.integers(0, 9))
def test_learning_a_fact_never_turns_an_answer_round(
    condition: Condition, groups: list[ExposedGroup], answers: dict[str, bool], width: int
) -> None:
    residents = {"DE": Range(2, 2 + width), "US-CA": Range(0, width)}
    before = truth(condition, View(tuple(groups), Range(5, 5 + width), residents, False, answers))
    told = {"alpha": True, "beta": False, "gamma": True, **answers}
    known = {"DE": Range(2, 2), "US-CA": Range(0, 0)}
    after = truth(condition, View(tuple(groups), Range(5, 5), known, True, told))
    assert after is not None
    assert before in (None, after)
