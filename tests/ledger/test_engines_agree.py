"""Row for row: every query of the ledger, answered by DuckDB and by another engine, is the same Arrow table."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples_of
from hypothesis import strategies as st

from leaktrace.errors import LedgerError
from leaktrace.ledger import DuckLedger, queries
from leaktrace.ledger.engine import Answers, Engine, Query
from leaktrace.ledger.schema import DAY_OF_AT
from leaktrace.ledger.spark import SparkEngine
from leaktrace.ledger.sparksql import from_spark, spark_sql, to_spark
from leaktrace.records import Window
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import (
    KEYRING,
    START,
    Access,
    examples,
    key,
    keys,
    open_ledger,
    principal,
    write_accesses,
    write_rows,
    write_text,
)

PGAUDIT_LOG = Path(__file__).parents[1] / "assets" / "pgaudit" / "postgresql.csv"
SMALL = Settings(ingest_memory_megabytes=512)
EARLY = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
ALWAYS = Window(None, None)
PARTLY = Window(EARLY - timedelta(hours=5), START + timedelta(days=3, hours=7, microseconds=1))


class Both:
    """Implements `Answers`: asks two engines, and is content only where they give the same table."""

    def __init__(self, one: Answers, other: Answers) -> None:
        self._one, self._other = one, other
        self.rows: dict[str, int] = {}
        """Name of each query asked -> the most rows it had."""

    def run(self, query: Query) -> pa.Table:
        answer, other = self._one.run(query), self._other.run(query)
        assert other.schema.equals(answer.schema), (query.name, answer.schema, other.schema)
        assert other.equals(answer), (query.name, answer.to_pydict(), other.to_pydict())
        self.rows[query.name] = max(self.rows.get(query.name, 0), answer.num_rows)
        return answer

    def close(self) -> None:
        self._one.close()
        self._other.close()


def opened(folder: Path) -> tuple[DuckLedger, Both]:
    both: list[Both] = []

    def open_both(place: Path, settings: Settings) -> Answers:
        megabytes = settings.ingest_memory_megabytes
        both.append(Both(Engine(place, megabytes), SparkEngine(place, megabytes, None, os.environ)))
        return both[0]

    return DuckLedger.open(folder, KEYRING, SMALL, open_both), both[0]


def fill(ledger: DuckLedger, folder: Path) -> None:
    """Rows of every table with all that a column may hold: nulls, empty texts, other scripts, replaced rows."""
    tools, reasons = (
        ["crm", None, "Büro 7", "  x ", "搜索"],
        ["AB-12", None, "Ж 7", "٣-1", "AB-12\n", "\u2028A-1", "12", "ａ-9"],
    )
    shown = [("email",), ("name", "email"), ("e-mail",), ("phone", "name"), ("*",)]
    accesses = [
        Access(
            (EARLY if n % 29 == 0 else START) + timedelta(hours=n, microseconds=n % 3),
            f"p{n % 11}", f"c{n % 37}", shown[n % 5], ("view", None)[n % 2], tools[n % len(tools)], reasons[n % 8],
        )
        for n in range(400)
    ]  # fmt: skip
    for part in range(3):
        ledger.ingest("accesses", [write_accesses(folder / f"a{part}.csv", accesses[part::3])])
    ledger.ingest("accesses", [PGAUDIT_LOG], file_format="pgaudit")
    for part, region in enumerate(("north", "", "süd")):
        customers = [
            {"customer": f"c{n}", "region": region if n % 2 else "", "jurisdiction": ("DE", "", "IR")[n % 3],
             "segment": "s;1" if n % 5 else "", "locale": "fa", "email": f"c{n}+x@example.org" if n % 4 else ""}
            for n in range(part * 10, part * 10 + 30)
        ]  # fmt: skip
        ledger.ingest("customers", [write_rows(folder / f"c{part}.csv", customers)])
    for part in range(2):
        people = [
            {"principal": f"p{n}", "team": f"t{part}", "kind": "employee", "reports_to": f"p{n - 1}" if n % 3 else ""}
            for n in range(part * 4, part * 4 + 6)
        ]
        ledger.ingest("principals", [write_rows(folder / f"p{part}.csv", people)])
    sellers = [{"seller": f"s{n}", "name": "Böse@Shop", "domains": "a.example;b.example", "status": ""} for n in (2, 1)]
    ledger.ingest("sellers", [write_rows(folder / "s.csv", sellers)])
    contacts = "".join(f"2025-01-0{n % 9 + 1}T00:00:00Z,c{n},s{n % 2},order\n" for n in range(40))
    ledger.ingest("contacts", [write_text(folder / "k.csv", f"at,customer,seller,kind\n{contacts}")])
    known = "customer,field,since,source\nc1,email,2024-01-01T00:00:00Z,paste\nc2,phone,2024-01-01T00:00:00Z,\n"
    ledger.ingest("known_elsewhere", [write_text(folder / "e.csv", known)])


def ask_in(ledger: DuckLedger, window: Window, seed: int = 1) -> None:
    """Every question that takes a window."""
    people = [principal(f"p{n}") for n in range(9)]
    for limit in (None, 3):
        ledger.opened_by(people, "email", window, limit=limit, seed=seed)
    ledger.accesses_of(people, window)
    ledger.access_origins(people, [key(f"c{n}") for n in range(20)], window)
    ledger.fields_shown(people, window)
    ledger.totals("email", window)
    ledger.coverage("email", window)


def ask_without_window(ledger: DuckLedger, seed: int = 1) -> None:
    """Every other question of the interface."""
    asked = keys([f"c{n}" for n in (3, 1, 99, 30, 1)])
    cutoffs = {key(f"c{n}"): START + timedelta(days=n) for n in range(40)}
    ledger.exposures(cutoffs, "email", 20)
    ledger.channels(cutoffs, "name", 400)
    ledger.draw_controls(12, seed=seed, near=asked, exclude=keys(["c4", "c5"]))
    ledger.customers(asked)
    ledger.principals()
    ledger.sellers()
    ledger.contacts(np.unique(asked), "s1", START)
    ledger.sellers_dealt_with(START)
    ledger.contacts(np.unique(asked), None, START)
    ledger.dealings(np.unique(asked), keys([f"c{n}" for n in range(40)]), START)
    ledger.known_elsewhere(np.unique(asked), "email", START)
    ledger.customers_by_address([KEYRING.address_hash(f"c{n}@example.org") for n in range(9)])
    ledger.stats()


def query_names() -> set[str]:
    """Names of all queries that `queries.py` makes."""
    tree = ast.parse(Path(str(queries.__file__)).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {str(ast.literal_eval(call.args[0])) for call in calls if ast.unparse(call.func) == "Query"}


def test_every_query_has_the_same_rows_in_the_same_order(local_spark: str, tmp_path: Path) -> None:
    assert local_spark.startswith("local")
    ledger, both = opened(tmp_path / "ledger [1] {a,b} %41?*")
    with ledger:
        fill(ledger, tmp_path)
        ask_in(ledger, ALWAYS)
        ask_in(ledger, PARTLY, seed=2)
        ask_without_window(ledger)
    assert set(both.rows) == query_names()
    assert min(both.rows.values()) > 0, both.rows


def test_a_ledger_without_rows_gives_tables_of_the_same_types(local_spark: str, tmp_path: Path) -> None:
    ledger, both = opened(tmp_path / "ledger")
    with ledger:
        ask_in(ledger, ALWAYS)
        ask_without_window(ledger)
    assert set(both.rows) >= {"exposures", "totals", "customers", "draw customers by place"}


def test_a_difference_would_be_noticed() -> None:
    class Fixed:
        def __init__(self, table: pa.Table) -> None:
            self.table = table

        def run(self, query: Query) -> pa.Table:
            assert query.name
            return self.table

        def close(self) -> None:
            pass

    table: Any = pa.table({"customer": pa.array([1, 2], pa.uint64())})
    for other in (table.slice(0, 1), table.take([1, 0]), table.cast(pa.schema([("customer", pa.int64())]))):
        with pytest.raises(AssertionError):
            Both(Fixed(table), Fixed(other)).run(Query("q", ""))


# --- where the files are ------------------------------------------------------------------------------------


def test_a_copy_of_the_lake_elsewhere_gives_the_same_rows(local_spark: str, tmp_path: Path) -> None:
    folder, copy = tmp_path / "ledger", tmp_path / "copy [1] of {it}"
    with open_ledger(folder) as ledger:
        for part in range(3):
            accesses = [Access(START, f"p{n % 5}", f"c{n}") for n in range(part, 60, 3)]
            ledger.ingest("accesses", [write_accesses(tmp_path / f"{part}.csv", accesses)])
        totals = ledger.totals("email", ALWAYS)
    (folder / "lake").rename(copy)
    paths = [str(folder / "lake" / path.relative_to(copy)) for path in copy.rglob("*.parquet")]
    query = queries.opened_counts(queries.rows_of("accesses", paths), "email", queries.Span(0, 2**62))
    answer = SparkEngine(folder, 512, None, os.environ, f"file://{copy}/").run(query)
    assert len(paths) == 3
    assert answer.column("principal").to_pylist() == totals.principal.tolist()
    assert answer.column("opened_count").to_pylist() == totals.opened_count.tolist()


def test_a_missing_or_damaged_file_is_told_without_noise(
    local_spark: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spark = SparkEngine(tmp_path, 512, None, os.environ)
    missing, damaged = tmp_path / "missing.parquet", write_text(tmp_path / "damaged.parquet", "PAR1 no more")
    for path in (missing, damaged):
        with pytest.raises(LedgerError, match="could not answer 'count customers'") as told:
            spark.run(queries.seen_customer_count(queries.rows_of("accesses", [str(path)])))
        assert path.name in told.value.message
        assert "backup" in told.value.hint
        assert len(told.value.message) < 700
    answered = spark.run(queries.seen_customer_count(queries.rows_of("accesses", [])))
    assert answered.to_pydict() == {"customer_count": [0]}
    assert capfd.readouterr() == ("", "")


# --- what Spark needs said differently --------------------------------------------------------------------

UNSIGNED = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]))


@given(st.lists(st.one_of(UNSIGNED, st.none()), min_size=1), UNSIGNED)
def test_keys_order_as_they_did_and_come_back_whole(numbers: list[int | None], order: int) -> None:
    table: Any = pa.table({"reports_to": pa.array(numbers, pa.uint64()), "quota": pa.array(numbers, pa.uint64())})
    there: Any = to_spark(table)
    assert from_spark(there).equals(table)
    known = sorted({n for n in numbers if n is not None})
    as_spark = dict(zip(numbers, there.column("reports_to").to_pylist(), strict=True))
    assert [as_spark[n] for n in known] == sorted(as_spark[n] for n in known)
    signed = order - 2**64 if order >= 2**63 else order
    assert sorted(known, key=lambda n: as_spark[n] ^ signed) == sorted(known, key=lambda n: n ^ order)


def test_no_value_stands_in_the_sql() -> None:
    rows = queries.rows_of("accesses", ["/somewhere/secret-path.parquet"])
    query = queries.opened_by(rows, pa.table({"principal": []}), "secret-field", queries.Span(11, 22), 33, 44)
    sql = spark_sql(query.sql)
    assert not [word for word in ("secret", "11", "22", "33", "44") if word in sql]
    assert all(f":{name}" in sql for name in ("field", "start", "end", "limit", "order"))


LETTERS = "AZaz09éÀ×÷øЖשׁ中ー𐍈𓀀٣५ªµ😀\u0301\u0870\U000323af"
SPACES = "-_#:/ .\t\n\x0b\f\r\x00\x85\xa0\u2028\u2029\u200d\uffff"
REASONS = st.text(st.sampled_from(LETTERS + SPACES), max_size=14)


def test_texts_are_read_alike_whatever_is_in_them(local_spark: str, tmp_path: Path) -> None:
    duck, spark = Engine(tmp_path, 512), SparkEngine(tmp_path, 512, None, os.environ)
    channels = queries.channels(queries.rows_of("accesses", []), pa.table({}), "email")
    sql = """
        SELECT reason, regexp_extract(reason, $ticket, 1) AS ticket, contains(concat(';', reason, ';'), $part) AS has,
            string_split(reason, ';') AS parts, count(*) AS row_count
        FROM reasons GROUP BY reason ORDER BY reason"""

    @examples_of(max_examples=examples("spark", 40), suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(REASONS, min_size=200, max_size=400), REASONS)
    def alike(reasons: list[str], part: str) -> None:
        table = pa.table({"reason": pa.array([*reasons, *(f"{r};{part}" for r in reasons), None], pa.string())})
        values = {"ticket": channels.values["ticket"], "part": f";{part};"}
        asked = Query("texts", sql, values, {"reasons": table})
        assert spark.run(asked).cast(duck.run(asked).schema).equals(duck.run(asked))

    alike()
    duck.close()


@pytest.mark.parametrize("at", [0, -1, 1, -86_400_000_000, -86_400_000_001, 86_399_999_999, 2**53 + 1, -(2**53) - 1])
def test_days_before_1970_are_whole_days(local_spark: str, tmp_path: Path, at: int) -> None:
    sql = f"SELECT {DAY_OF_AT} AS day FROM moments"  # noqa: S608
    asked = Query("day", sql, {}, {"moments": pa.table({"at": pa.array([at], pa.int64())})})
    run: Callable[[Query], pa.Table] = SparkEngine(tmp_path, 512, None, os.environ).run
    assert run(asked).to_pydict() == {"day": [at // 86_400_000_000]}
