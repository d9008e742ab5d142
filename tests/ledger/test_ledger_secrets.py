"""What a thief of the ledger's folder gets, and what two names with one number do."""

from __future__ import annotations

import itertools
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from leaktrace.errors import KeyFileError, LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger.engine import Engine, Query
from leaktrace.ledger.redaction import redact
from leaktrace.records import Keys, Window
from tests.ledger.small_ledgers import (
    ACCESS_HEADER,
    KEYRING,
    START,
    Access,
    key,
    keys,
    open_ledger,
    pairs,
    principal,
    write_accesses,
    write_text,
)

ALWAYS = Window(None, None)
SECRETS = ("customer-anna", "customer-ben", "agent-smith", "anna@example.org", "anna%40example.org", "ben@example.net")


def fill(folder: Path) -> list[Path]:
    """A ledger with names and addresses in every column that could hold one; the source files."""
    files = {
        "accesses": f"{ACCESS_HEADER}\n"
        "2025-03-01T00:00:00Z,agent-smith,customer-anna,email;anna@example.org,view,crm,mail from anna@example.org\n"
        "2025-03-01T00:00:00Z,agent-smith,customer-ben,email,view,tool of ben@example.net,ticket anna%40example.org\n"
        "bad time anna@example.org,agent-smith,customer-ben,email,view,crm,\n",
        "customers": "customer,email,segment\ncustomer-anna,anna@example.org,likes ben@example.net\n",
        "contacts": "at,customer,seller,kind,product\n2025-03-01T00:00:00Z,customer-ben,s1,order,for ben@example.net\n",
        "principals": "principal,team,reports_to\nagent-smith,anna@example.org's,agent-smith\n",
        "known_elsewhere": "customer,field,since,source\ncustomer-ben,email,2025-01-01T00:00:00Z,ben@example.net\n",
    }
    paths = [write_text(folder / f"{table}.csv", text) for table, text in files.items()]
    with open_ledger(folder / "ledger") as ledger:
        for table, path in zip(files, paths, strict=True):
            ledger.ingest(table, [path])
    return paths


def bytes_at_rest(folder: Path) -> bytes:
    """All files, and what the Parquet files hold unpacked."""
    raw = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    unpacked = "".join(str(pq.read_table(path).to_pylist()) for path in folder.rglob("*.parquet"))
    return raw + unpacked.encode()


def test_no_customer_name_and_no_address_is_at_rest(tmp_path: Path) -> None:
    sources = b"".join(path.read_bytes() for path in fill(tmp_path))
    for secret in SECRETS:
        assert secret.encode() in sources, "the search would find it"
        assert secret.encode() not in bytes_at_rest(tmp_path / "ledger"), secret
    with open_ledger(tmp_path / "ledger") as ledger:
        assert ledger.customer_names(keys(["customer-anna"])) == ("customer-anna",)


def test_everything_is_for_its_owner_only(tmp_path: Path) -> None:
    fill(tmp_path)
    for path in (tmp_path / "ledger").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_another_key_opens_no_name(tmp_path: Path) -> None:
    fill(tmp_path)
    other = Keyring(b"\x08" * 32, "test workspace")
    with open_ledger(tmp_path / "ledger", other) as ledger, pytest.raises(KeyFileError):
        ledger.customer_names(keys(["customer-anna"]))


def test_a_dictionary_under_another_name_does_not_open(tmp_path: Path) -> None:
    """Blocks are bound to their file: swapping two files would put other people's names to keys."""
    for number in (1, 2):
        path = write_accesses(tmp_path / f"{number}.csv", [Access(START, "ann", f"c{number}")])
        with open_ledger(tmp_path / "ledger") as ledger:
            ledger.ingest("accesses", [path])
    one, two = sorted((tmp_path / "ledger" / "dictionary").glob("customer-*"))
    swapped = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(swapped)
    with open_ledger(tmp_path / "ledger") as ledger, pytest.raises(KeyFileError):
        ledger.customer_names(keys(["c1"]))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("T-123", "T-123"),
        ("call at 3 @ noon", "call at 3 @ noon"),
        ("<a.b+c@example.org>, then <A.B+C@EXAMPLE.ORG>", None),
        ("mailto:ann%40example.org", None),
        ("ann＠example.org", None),
        ("زهرا@مثال.ایران", None),
    ],
)
def test_addresses_in_text_become_tokens(text: str, kept: str | None) -> None:
    clean = redact(text, KEYRING)
    if kept is not None:
        assert clean == kept
        return
    assert "example" not in clean.lower()
    assert "مثال" not in clean
    assert len(set(re.findall("address:[0-9a-f]{16}", clean))) == 1, "one address, one token"
    assert clean != redact(text, Keyring(b"\x09" * 32, "other"))


def test_a_long_text_is_looked_at_once() -> None:
    started = time.process_time()
    assert redact("a" * 2_000_000 + " @", KEYRING).startswith("aaa")
    assert time.process_time() - started < 5


# --- the engine -----------------------------------------------------------------------------------------


OUTSIDE = [
    ("SELECT * FROM read_csv('{outside}/secret.csv')", None),
    ("COPY (SELECT 1 AS a) TO '{outside}/copied.csv'", None),
    ("ATTACH '{outside}/other.db'", None),
]


@pytest.mark.parametrize(("sql", "_"), OUTSIDE)
def test_the_engine_sees_its_own_folder_only(tmp_path: Path, sql: str, _: None) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    write_text(outside / "secret.csv", "a\n1\n")
    statement = sql.format(outside=outside)
    with duckdb.connect() as unguarded:
        unguarded.execute(statement)
    engine = Engine(inside, 512, 1)
    with pytest.raises(LedgerError, match="Permission Error"):
        engine.execute(Query("attack", statement))
    engine.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SET enable_external_access = true",
        "SET autoinstall_known_extensions = true",
        "RESET allowed_directories",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://127.0.0.1:9/a.parquet')",
    ],
)
def test_the_engine_cannot_be_loosened(tmp_path: Path, sql: str) -> None:
    engine = Engine(tmp_path, 512, 1)
    with pytest.raises(LedgerError) as caught:
        engine.execute(Query("attack", sql))
    assert sql in caught.value.hint
    engine.close()


def test_short_memory_spills_into_the_ledgers_own_folder_and_cleans_up(tmp_path: Path) -> None:
    fill = (
        "CREATE TEMP TABLE t AS SELECT hash(range) AS a, hash(range + 1) AS b, hash(range + 2) AS c FROM range(9000000)"
    )
    engine = Engine(tmp_path, 128, 2)
    engine.execute(Query("fill", fill))
    spilled = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 10_000_000]
    assert spilled
    assert engine.run(Query("count", "SELECT count(*) AS n FROM t WHERE a <> b")).to_pylist() == [{"n": 9_000_000}]
    engine.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    silent = Engine(tmp_path, 128, 2, may_spill=False)
    with pytest.raises(LedgerError, match="Out of Memory"):
        silent.execute(Query("fill", fill))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    silent.close()


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
def test_what_could_be_spilled_names_nobody(tmp_path: Path, suffix: str) -> None:
    """Looks into the engine's own tables at the moment when they are fullest."""
    path = write_accesses(
        tmp_path / f"a{suffix}", [Access(START, "agent-smith", "customer-anna", reason="a@b.example")]
    )
    held: list[str] = []
    with open_ledger(tmp_path / "ledger") as ledger:
        engine = ledger._engine

        def look(what: str, _done: int, _total: int | None) -> None:
            if what.startswith("storing"):
                names = engine.run(Query("list", "SELECT table_name FROM duckdb_tables()")).to_pylist()
                tables = [str(row["table_name"]) for row in names]
                held.extend(tables)
                held.extend(str(engine.run(Query("look", f"FROM {name}")).to_pylist()) for name in tables)

        ledger.ingest("accesses", [path], progress=look)
        assert ledger.customer_names(keys(["customer-anna"])) == ("customer-anna",)
    assert "staged_names" in held
    assert "staged_accesses" not in held, "accesses stay in memory"
    assert "sealed" in " ".join(held)
    for secret in ("customer-anna", "agent-smith", "a@b.example"):
        assert secret not in " ".join(held)


def test_a_path_is_a_value_and_not_sql(tmp_path: Path) -> None:
    strange = tmp_path / "it's; DROP TABLE x --[1]*?"
    strange.mkdir()
    path = write_accesses(strange / "a'b;*.csv", [Access(START, "ann", "c1")])
    with open_ledger(strange / "led'ger*") as ledger:
        ledger.ingest("accesses", [path])
        assert len(ledger.opened_by([principal("ann")], "email", ALWAYS).customer) == 1
        assert ledger.contacts(keys(["c1"]), "s' OR 1=1 --", START).tolist() == []


# --- two names with one number ----------------------------------------------------------------------------


class CollidingKeyring(Keyring):
    """A keyring whose hash gives names that end alike the same number."""

    def name_hashes(
        self, kind: Literal["customer", "principal"], texts: NDArray[np.uint8], ends: NDArray[np.int64]
    ) -> tuple[Keys, NDArray[np.uint32]]:
        found, checks = super().name_hashes(kind, texts, ends)
        if kind == "principal":
            return found, checks
        names = [texts[start:end].tobytes().decode() for start, end in itertools.pairwise(ends.tolist())]
        return self.customer_keys(names), checks

    def customer_keys(self, names: Iterable[str]) -> Keys:
        return np.array([int(name.rsplit("-", 1)[1]) for name in names], dtype=np.uint64)


COLLIDING = CollidingKeyring(b"\x07" * 32, "test workspace")


def test_without_the_check_two_customers_would_be_one() -> None:
    assert COLLIDING.customer_keys(["anna-1"])[0] == COLLIDING.customer_keys(["ben-1"])[0]


@pytest.mark.parametrize("together", [True, False])
def test_two_customers_with_one_number_are_never_merged(tmp_path: Path, together: bool) -> None:
    anna = [Access(START, "smith", "anna-1"), Access(START, "smith", "carl-3")]
    ben = [Access(START, "jones", "ben-1"), Access(START, "jones", "dora-4")]
    batches = [[*anna, *ben]] if together else [anna, ben]
    with open_ledger(tmp_path / "ledger", COLLIDING) as ledger:
        reports = [
            ledger.ingest("accesses", [write_accesses(tmp_path / f"{n}.csv", rows)]) for n, rows in enumerate(batches)
        ]
        assert sum(r.accepted_count for r in reports) == 3
        assert reports[-1].rejected_count == 1
        rejects = Path(reports[-1].rejects_file or "").read_text()
        assert "customer has the same keyed number as another customer" in rejects
        assert "ben" not in rejects
        assert ledger.customer_names(np.array([1, 3, 4], np.uint64)) == ("anna-1", "carl-3", "dora-4")
        shown = ledger.opened_by([principal("smith"), principal("jones")], "email", ALWAYS)
        assert set(pairs(shown)) == {(1, principal("smith")), (3, principal("smith")), (4, principal("jones"))}


def test_the_same_name_again_is_no_clash(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        for number in range(2):
            rows = [Access(START, "ann", "c1"), Access(START, "ann", f"only-{number}")]
            report = ledger.ingest("accesses", [write_accesses(tmp_path / f"{number}.csv", rows)])
            assert report.rejected_count == 0
        assert ledger.customer_names(keys(["c1", "only-0", "only-1"])) == ("c1", "only-0", "only-1")
        assert key("c1") == int(keys(["c1"])[0])
