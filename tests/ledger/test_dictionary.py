"""Names come back from their numbers, block by block, and shares add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import LedgerError
from leaktrace.ledger.controls import shares
from leaktrace.ledger.dictionary import (
    BLOCK_NAMES,
    Dictionary,
    checks_of,
    known_and_clashing,
    names_of,
    write_dictionary,
)
from leaktrace.records import Keys
from tests.ledger.small_ledgers import KEYRING, keys


def write(path: Path, names: list[str]) -> tuple[Dictionary, Keys]:
    numbers = keys(names)
    order = np.argsort(numbers)
    ordered = [names[i] for i in order]
    with path.open("wb") as stream:
        write_dictionary(
            stream,
            numbers[order],
            checks_of(ordered, "customer", KEYRING),
            ordered,
            kind="customer",
            identity=path.stem,
            keyring=KEYRING,
        )
    return Dictionary(path, "customer", path.stem), numbers


@pytest.mark.parametrize("count", [0, 1, BLOCK_NAMES, BLOCK_NAMES + 1, 3 * BLOCK_NAMES + 7])
def test_every_name_comes_back(tmp_path: Path, count: int) -> None:
    names = [f"名{n}" for n in range(count)]
    dictionary, numbers = write(tmp_path / "one.names", names)
    strange = keys(["nobody"])
    asked = np.concatenate([numbers[::-1], strange]).astype(np.uint64)
    assert names_of(asked, [dictionary], KEYRING) == [*names[::-1], None]


def test_names_are_sought_in_every_dictionary(tmp_path: Path) -> None:
    first, _ = write(tmp_path / "first.names", ["a", "b"])
    second, _ = write(tmp_path / "second.names", ["c"])
    assert names_of(keys(["c", "a", "x", "c"]), [first, second], KEYRING) == ["c", "a", None, "c"]


def test_a_clash_is_found_without_the_names(tmp_path: Path) -> None:
    dictionary, numbers = write(tmp_path / "one.names", ["a", "b"])
    checks = checks_of(["a", "somebody else"], "customer", KEYRING)
    known, clashing = known_and_clashing(numbers, checks, [dictionary])
    assert known.tolist() == [True, True]
    assert clashing.tolist() == [False, True]


@pytest.mark.parametrize("content", [b"", b"LTNAMES1", b"something else entirely"])
def test_a_damaged_dictionary_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.names"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"bad\.names"):
        Dictionary(path, "customer", "bad")


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 1000), max_size=8), st.integers(0, 500))
def test_shares_add_up_and_are_fair(weights: dict[str, int], count: int) -> None:
    shared = shares(weights, count)
    assert sum(shared.values()) == (count if weights else 0)
    for name, weight in weights.items():
        assert abs(shared[name] - count * weight / sum(weights.values())) < 1
