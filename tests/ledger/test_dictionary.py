"""Names come back from their numbers, block by block, and shares add up."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leaktrace.errors import LedgerError
from leaktrace.ledger.arrow import bytes_of
from leaktrace.ledger.controls import shares
from leaktrace.ledger.dictionary import (
    BLOCK_NAMES,
    Dictionary,
    known_and_clashing,
    names_of,
    old_checks_of,
    write_dictionary,
)
from leaktrace.records import Keys
from tests.ledger.small_ledgers import KEYRING, keys


def checks(names: list[str]) -> NDArray[np.uint32]:
    return KEYRING.name_hashes("customer", *bytes_of(pa.array(names, pa.string())))[1]


def write(path: Path, names: list[str]) -> tuple[Dictionary, Keys]:
    numbers = keys(names)
    order = np.argsort(numbers)
    ordered = [names[i] for i in order]
    with path.open("wb") as stream:
        write_dictionary(
            stream,
            numbers[order],
            checks(ordered),
            pa.array(ordered, pa.string()),
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
    asked = ["a", "somebody else"]
    known, clashing = known_and_clashing(
        numbers, checks(asked), lambda places: [asked[i] for i in places], [dictionary], KEYRING
    )
    assert known.tolist() == [True, True]
    assert clashing.tolist() == [False, True]


def write_old(path: Path, names: list[str]) -> Keys:
    """The layout that was written before: JSON, deflated, and checks of another hash."""
    numbers = keys(names)
    order = np.argsort(numbers)
    ordered = [names[i] for i in order]
    context = f"dictionary customer {path.stem} 0"
    sealed = KEYRING.encrypt(zlib.compress(json.dumps(ordered).encode()), context)
    path.write_bytes(
        struct.pack("<8sQ", b"LTNAMES1", len(names))
        + numbers[order].astype("<u8").tobytes()
        + old_checks_of(ordered, "customer", KEYRING).astype("<u4").tobytes()
        + struct.pack("<Q", len(sealed))
        + sealed
    )
    return numbers


def test_a_dictionary_of_the_first_layout_is_read_and_finds_clashes(tmp_path: Path) -> None:
    numbers = write_old(tmp_path / "old.names", ["a", "b"])
    dictionary = Dictionary(tmp_path / "old.names", "customer", "old")
    assert names_of(numbers, [dictionary], KEYRING) == ["a", "b"]
    asked = ["a", "somebody else"]
    known, clashing = known_and_clashing(
        numbers, checks(asked), lambda places: [asked[i] for i in places], [dictionary], KEYRING
    )
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
