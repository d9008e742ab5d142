"""Every access of some principals: the plain answer, out of the index and out of the lake."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.records import AccessRows, Window
from tests.ledger.small_ledgers import START, Access, key, microseconds, open_ledger, principal, write_accesses

ACCESS = st.builds(
    Access,
    at=st.integers(0, 80).map(lambda hours: START + timedelta(hours=hours)),
    principal=st.sampled_from(["p1", "p2", "p3"]),
    customer=st.sampled_from([f"c{n}" for n in range(6)]),
    fields=st.sampled_from([("email",), ("email", "name"), ("name",)]),
    tool=st.sampled_from(["crm", None, "Büro", "搜索"]),
)


def listed(rows: AccessRows) -> list[tuple[int, int, int, str, str]]:
    columns = (rows.customer.tolist(), rows.at.tolist(), rows.principal.tolist(), rows.manner.tolist())
    return [(c, at, who, *rows.manners[manner]) for c, at, who, manner in zip(*columns, strict=True)]


def plain(accesses: list[Access], wanted: set[str], window: Window) -> list[tuple[int, int, int, str, str]]:
    assert window.start is not None
    assert window.end is not None
    found = [
        (key(a.customer), microseconds(a.at), principal(a.principal), a.tool or "", ";".join(sorted(a.fields)))
        for a in accesses
        if a.principal in wanted and window.start <= a.at < window.end
    ]
    return sorted(found, key=lambda row: (*row[:3], row[3].encode(), row[4].encode()))


@settings(max_examples=8)
@given(st.lists(ACCESS, min_size=1, max_size=60), st.sets(st.sampled_from(["p1", "p2", "p3"]), min_size=1))
def test_every_access_once_in_order_from_either(
    tmp_path_factory: pytest.TempPathFactory, accesses: list[Access], wanted: set[str]
) -> None:
    folder: Path = tmp_path_factory.mktemp("rows")
    window = Window(START + timedelta(hours=5), START + timedelta(hours=70))
    people = [principal(name) for name in wanted]
    with open_ledger(folder / "ledger") as ledger:
        ledger.ingest("accesses", [write_accesses(folder / "a.csv", accesses)])
        from_index = ledger.accesses_of(people, window)
    with open_ledger(folder / "ledger", engine="duckdb") as ledger:
        from_lake = ledger.accesses_of(people, window)
    assert listed(from_index) == listed(from_lake) == plain(accesses, wanted, window)
    assert from_index.manners == from_lake.manners
    assert len(set(from_index.manners)) == len(from_index.manners) == len(set(from_index.manner.tolist()))


def test_nobody_and_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        assert listed(ledger.accesses_of([], Window(None, None))) == []
        ledger.ingest("accesses", [write_accesses(tmp_path / "a.csv", [Access(START, "p1", "c1")])])
        assert listed(ledger.accesses_of([principal("p9")], Window(None, None))) == []
        assert len(listed(ledger.accesses_of([principal("p1")], Window(None, None)))) == 1


@pytest.mark.parametrize("engine", ["index", "duckdb"])
def test_each_access_leads_back_to_its_file_and_row(tmp_path: Path, engine: str) -> None:
    first = [Access(START, "p1", "c1"), Access(START + timedelta(hours=2), "p2", "c1"), Access(START, "p1", "c3")]
    second = [Access(START + timedelta(hours=1), "p1", "c2", fields=("email", "name"), tool="crm")]
    files = [write_accesses(tmp_path / "a.csv", first), write_accesses(tmp_path / "b.csv", second)]
    with open_ledger(tmp_path / "ledger", engine=engine) as ledger:
        for path in files:
            ledger.ingest("accesses", [path])
        ledger.upkeep().compact()
        people, customers = [principal("p1")], [key("c1"), key("c2")]
        found = ledger.access_origins(people, customers, Window(None, None))
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        assert [(one.customer, one.source_sha256, one.source_row) for one in found] == [
            (key("c1"), digests[0], 1),
            (key("c2"), digests[1], 1),
        ]
        assert (found[1].at, found[1].fields, found[1].tool) == (second[0].at, ("email", "name"), "crm")
        assert ledger.access_origins(people, customers, Window(START + timedelta(hours=1), None)) == found[1:]
        assert ledger.access_origins([], customers, Window(None, None)) == ()
