"""Paths find what a plain walk finds, in nested and in dotted records, and never look at a value twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaktrace.ledger.mapping.paths import STEPS_CEILING_COUNT, parse_path, plain_text, values_at

RECORD = {
    "user": {"name": "chen", "roles": ["agent", None, "lead"], "target.id": "C-1"},
    "items": [{"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}, "stray", {"id": None}],
    "tables": {"x": {"keys": [{"id": "k1"}, {"id": "k2"}]}, "y": {"keys": [{"id": "k3"}]}},
    "event.action": "view",
    "odd name": {"a.b": 7},
    "empty": None,
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user.name", ["chen"]),
        ("user.roles", ["agent", "lead"]),
        ("user.roles[*]", ["agent", "lead"]),
        ("user.roles[2]", ["lead"]),
        ("user.roles[9]", []),
        ("user.target.id", ["C-1"]),
        ("items[*].id", [1, 2]),
        ("items[kind=b].id", [2]),
        ("items[id=1].kind", ["a"]),
        ("tables.*.keys[*].id", ["k1", "k2", "k3"]),
        ("event.action", ["view"]),
        ('"odd name"."a.b"', [7]),
        ("odd name.a.b", [7]),
        ("empty", []),
        ("user.name.more", []),
        ("items.id", []),
        ("nowhere.at.all", []),
    ],
)
def test_what_stands_at_a_path(text: str, found: list[Any]) -> None:
    path = parse_path(text)
    assert path is not None
    assert values_at(RECORD, path) == found


def test_the_empty_path_is_the_record_itself() -> None:
    path = parse_path("")
    assert path is not None
    assert values_at(RECORD, path) == [RECORD]


@pytest.mark.parametrize("text", [".a", "a.", "a..b", "a[", "a[*", "a.[*]", "a[b]", "a]b", '"a', "a[*]b", "*a", "."])
def test_what_is_no_path(text: str) -> None:
    assert parse_path(text) is None


def test_a_path_has_a_ceiling() -> None:
    assert parse_path(".".join("a" * STEPS_CEILING_COUNT)) is not None
    assert parse_path(".".join("a" * (STEPS_CEILING_COUNT + 1))) is None


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


@given(st.lists(NAMES, min_size=1, max_size=6), st.integers(), st.data())
def test_a_value_is_found_however_its_names_are_joined(names: list[str], value: int, data: st.DataObject) -> None:
    record: Any = value
    groups: list[list[str]] = [[]]
    for name in names:
        groups[-1].append(name)
        if data.draw(st.booleans()):
            groups.append([])
    for group in reversed([group for group in groups if group]):
        record = {".".join(group): record}
    path = parse_path(".".join(names))
    assert path is not None
    assert values_at(record, path) == [value]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), inner),
    max_leaves=20,
)


@example(None, "")
@given(JSON, st.sampled_from(["a.b.c", "a[*].b", "*.*", "[*]", "a[0].b", "a[b=1].c", "c", ""]))
def test_no_record_breaks_a_path(record: Any, text: str) -> None:
    path = parse_path(text)
    assert path is not None
    for value in values_at(record, path):
        assert value is not None
        assert isinstance(plain_text(value), str | None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (7, "7"),
        (7.0, "7"),
        (7.5, None),
        (True, "true"),
        (None, None),
        ([1], None),
        ({}, None),
        (1e300, None),
    ],
)
def test_only_texts_and_whole_numbers_are_texts(value: Any, text: str | None) -> None:
    assert plain_text(value) == text
