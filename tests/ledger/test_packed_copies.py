"""A log and its packed copy are one source: whichever comes first, in one call or in several, plain, gzip or zstd."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest

from leaktrace.ledger import DuckLedger
from leaktrace.ledger.sourcestate import digest_file
from tests.ledger.following import HEADER, append, csv_lines, follow, lines, nothing, numbers_in
from tests.ledger.small_ledgers import open_ledger, write_text, zstd

TEXT = HEADER + csv_lines(0, 1, 2)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


def copies(folder: Path, content: bytes = TEXT.encode(), name: str = "access.csv") -> dict[str, Path]:
    found = {}
    for ending, pack in PACKINGS.items():
        found[ending] = folder / f"{name}{ending}"
        found[ending].write_bytes(pack(content))
    return found


def untold(_what: str, _done: int, _total: int | None) -> None:
    """Nobody looks."""


@pytest.mark.parametrize("order", list(permutations(PACKINGS)))
@pytest.mark.parametrize("one_call", [True, False])
def test_copies_of_what_is_in_change_nothing(
    ledger: DuckLedger, tmp_path: Path, order: tuple[str, ...], one_call: bool
) -> None:
    paths = [copies(tmp_path)[ending] for ending in order]
    reports = [ledger.ingest("accesses", part) for part in ([paths] if one_call else [[path] for path in paths])]
    assert sum(report.accepted_count for report in reports) == 3
    assert sum(report.already_ingested_count for report in reports) == 6
    assert numbers_in(ledger) == [0, 1, 2]


def test_packed_anew_it_is_still_the_same(ledger: DuckLedger, tmp_path: Path) -> None:
    for level in (1, 9):
        path = tmp_path / f"{level}.csv.gz"
        path.write_bytes(gzip.compress(TEXT.encode(), level, mtime=level))
        ledger.ingest("accesses", [path])
    two = tmp_path / "members.csv.gz"
    two.write_bytes(gzip.compress(TEXT.encode()[:50]) + gzip.compress(TEXT.encode()[50:]))
    assert ledger.ingest("accesses", [two]).already_ingested_count == 3
    assert numbers_in(ledger) == [0, 1, 2]


def test_where_a_row_comes_from_is_told_by_the_file_as_it_came(ledger: DuckLedger, tmp_path: Path) -> None:
    packed = copies(tmp_path)[".gz"]
    ledger.ingest("accesses", [packed])
    with closing(sqlite3.connect(tmp_path / "ledger" / "ledger.db")) as database:
        assert database.execute("SELECT sha256 FROM sources").fetchall() == [
            (hashlib.sha256(packed.read_bytes()).hexdigest(),)
        ]


def test_what_an_earlier_version_took_in_is_known_by_the_file_itself(ledger: DuckLedger, tmp_path: Path) -> None:
    paths = copies(tmp_path)
    ledger.ingest("accesses", [paths[".gz"]])
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger" / "ledger.db")) as database:
        database.execute("DROP TABLE contents")
        database.execute("DELETE FROM followed")
        database.commit()
    with open_ledger(tmp_path / "ledger") as again:
        assert again.ingest("accesses", [paths[".gz"]]).already_ingested_count == 3
        assert numbers_in(again) == [0, 1, 2]


def test_in_another_table_it_is_another_source(ledger: DuckLedger, tmp_path: Path) -> None:
    paths = copies(tmp_path, b"customer,principal\nc1,p1\n", "people.csv")
    assert ledger.ingest("customers", [paths[""]]).accepted_count == 1
    assert ledger.ingest("principals", [paths[".gz"]]).accepted_count == 1


def test_a_log_that_came_packed_is_followed_from_where_that_ended(ledger: DuckLedger, tmp_path: Path) -> None:
    paths = copies(tmp_path, lines(0, 1).encode(), "log.ndjson")
    ledger.ingest("accesses", [paths[".gz"]])
    report = follow(ledger, paths[""], nothing, append(paths[""], lines(2)), nothing)
    assert report.accepted_count == 1
    assert numbers_in(ledger) == [0, 1, 2]


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_digest_is_of_the_file_and_of_what_it_holds(tmp_path: Path, ending: str) -> None:
    content = b"x,y\n" * 3_000_000
    path = copies(tmp_path, content)[ending]
    found = digest_file(path, untold)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.content_sha256, found.content_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_what_cannot_be_unpacked_is_known_by_itself(tmp_path: Path, ending: str) -> None:
    path = copies(tmp_path)[ending]
    path.write_bytes(path.read_bytes()[:-9])
    found = digest_file(path, untold)
    assert found.sha256 == found.content_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    empty = write_text(tmp_path / "empty.csv", "")
    assert digest_file(empty, untold).content_bytes == 0
