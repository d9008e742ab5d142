"""Languages and countries as columns: which there are, and that a list of a language's customers names nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import leaktrace
from leaktrace.records import CustomerTable, Finding
from leaktrace.tracing.customercolumns import MOST_COLUMNS, customer_columns, place_of, places_in
from tests.ledger.small_ledgers import write_rows


def columns_of(locales: Sequence[str], countries: Sequence[str], cases: int) -> dict[str, list[int]]:
    many = len(locales)
    table = CustomerTable(
        key=np.arange(1, many + 1, dtype=np.uint64),
        region=("",) * many,
        jurisdiction=tuple(countries),
        segment=("",) * many,
        locale=tuple(locales),
        in_table=np.ones(many, dtype=np.bool_),
    )
    uses = customer_columns(table, cases)
    assert (np.diff(uses.customer.astype(np.int64)) >= 0).all()
    return {
        label: sorted(uses.customer[uses.channel == number].astype(int).tolist())
        for number, label in enumerate(uses.labels)
    }


def test_a_language_is_one_however_it_is_spelled() -> None:
    locales = ["de-AT", "de_CH.UTF-8", "DE", "fr", "fr-CH", "", "it", "it"]
    assert columns_of(locales, [""] * 8, 5) == {"language de": [1, 2, 3], "language fr": [4, 5]}


def test_a_country_is_one_with_and_without_its_parts() -> None:
    countries = ["US-CA", "us", "US-NY", "DE", "CH", ""]
    assert columns_of([""] * 6, countries, 6) == {"country US": [1, 2, 3]}


def test_what_everybody_has_tells_nothing() -> None:
    assert columns_of(["en"] * 5, ["GB"] * 5, 3) == {}


def test_of_nobody_there_is_none() -> None:
    assert columns_of([], [], 0) == {}


def test_there_are_no_more_than_the_most_met() -> None:
    names = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(40)]
    found = columns_of([*(name for name in names for _ in range(2)), "aa", ""], [""] * 82, 82)
    assert len(found) == MOST_COLUMNS
    assert next(iter(found)) == "language aa"


# --- a list of everybody of one language ---------------------------------------------------------------------


MAIL_AT = datetime(2025, 6, 1, tzinfo=UTC)


def traced(
    folder: Path, *, locales: bool, region: str | None = None, seller: str = "s1", settings: str = "{}"
) -> Finding:
    """The mail goes to customers who speak Slovenian, for whom one agent answers: p05 was shown two thirds of them."""
    rng = np.random.default_rng(5)
    slovenian = range(150)
    rows = [(f"c{c}", f"p{p:02d}") for p in range(40) for c in rng.choice(3000, 120, replace=False).tolist()]
    rows += [(f"c{c}", "p05") for c in rng.choice(slovenian, 100, replace=False).tolist()]
    days = rng.uniform(30.0, 300.0, len(rows)).tolist()
    accesses = [
        {"at": (MAIL_AT - timedelta(days=day)).isoformat(), "principal": who, "customer": customer, "fields": "email"}
        for (customer, who), day in zip(rows, days, strict=True)
    ]
    customers = [{"customer": f"c{c}", "locale": "sl-SI" if c in slovenian else "de-DE"} for c in range(3000)]
    if not locales:
        customers = [{"customer": row["customer"]} for row in customers]
    if region is not None:
        customers = [row | {"region": region} for row in customers]
    contacts = [
        {"at": "2025-01-01T00:00:00Z", "customer": f"c{c}", "seller": "s1", "kind": "order"} for c in range(2000, 2100)
    ]
    evidence = [
        {"customer": f"c{c}", "kind": "report", "received_at": MAIL_AT.isoformat(), "seller": seller}
        for c in sorted(rng.choice(slovenian, 30, replace=False).tolist())
    ]
    sellers = [{"seller": one, "name": one} for one in ("s1", "s2")]
    tables = {"accesses": accesses, "customers": customers, "contacts": contacts, "evidence": evidence}
    tables["sellers"] = sellers
    for name, table in tables.items():
        write_rows(folder / f"{name}.csv", table)
    environment = {"LEAKTRACE_KEY_FILE": str(folder / "key")}
    with leaktrace.create(folder / "ws", environment=environment) as workspace:
        for name in ("accesses", "customers", "contacts", "sellers"):
            workspace.ingest(name, [folder / f"{name}.csv"])
    (folder / "ws" / "settings.json").write_text(settings, encoding="utf-8")
    with leaktrace.open(folder / "ws", environment=environment) as workspace:
        return workspace.trace(leaktrace.read_evidence(folder / "evidence.csv"))


@pytest.mark.parametrize("locales", [True, False])
def test_who_answers_in_a_language_is_not_named_for_a_list_of_it(tmp_path: Path, locales: bool) -> None:
    finding = traced(tmp_path, locales=locales, region="r1")
    if locales:
        assert finding.named == ()
        assert finding.undecided is not None
        assert "language sl" in finding.undecided.sentence
    else:
        assert finding.named == ("p05",)


def test_where_no_region_is_known_customers_are_compared_with_those_of_their_language(tmp_path: Path) -> None:
    finding = traced(tmp_path, locales=True)
    assert finding.named == ()
    assert finding.matched_on.attributes[0] == "language, as no region is known"
    chance = {candidate.principal: candidate for candidate in finding.candidates}["p05"]
    assert chance.probability < 0.1
    assert chance.expected_opened_count > 15  # of thirty, two thirds of whose language were shown to p05


@pytest.mark.parametrize(
    ("region", "jurisdiction", "place", "places"),
    [
        (["", "r1", ""], ["AT", "DE", ""], "region", ["", "r1", ""]),
        (["", "", ""], ["AT", "", ""], "jurisdiction", ["AT", "", ""]),
        (["", "", ""], ["", "", ""], "language", ["de", "de", "fr"]),
    ],
)
def test_the_place_is_the_region_else_the_jurisdiction_else_the_language(
    region: list[str], jurisdiction: list[str], place: str, places: list[str]
) -> None:
    table = CustomerTable(
        key=np.arange(3, dtype=np.uint64),
        region=tuple(region),
        jurisdiction=tuple(jurisdiction),
        segment=("",) * 3,
        locale=("de-AT", "DE", "fr"),
        in_table=np.ones(3, dtype=np.bool_),
    )
    assert place_of(table) == place
    assert list(places_in(table, place_of(table))) == places


def test_nobody_is_named_where_the_contacts_of_the_very_seller_are_missing(tmp_path: Path) -> None:
    """Every other seller has contacts: these were forgotten, and its own customers are nobody's."""
    finding = traced(tmp_path, locales=False, seller="s2")
    assert finding.named == ()
    assert finding.undecided is not None
    assert finding.undecided.code == "no_contacts"
    assert "sellers_without_customers" in finding.undecided.sentence


def test_a_seller_who_is_known_to_have_no_customers_needs_no_contacts(tmp_path: Path) -> None:
    settings = '{"sellers_without_customers": ["s2"]}'
    assert traced(tmp_path, locales=False, seller="s2", settings=settings).named == ("p05",)


def test_of_a_seller_whom_no_table_has_nothing_follows(tmp_path: Path) -> None:
    assert traced(tmp_path, locales=False, seller="s9").named == ("p05",)
