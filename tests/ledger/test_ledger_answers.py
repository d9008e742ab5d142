"""Every question a ledger answers, against the same answer computed in plain Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import DuckLedger, Ledger
from leaktrace.records import SellerFacts, Window
from tests.ledger.small_ledgers import (
    KEYRING,
    NOBODY,
    START,
    Access,
    assert_sorted,
    customers_by_principal,
    examples,
    first_shown,
    key,
    keys,
    microseconds,
    open_ledger,
    pairs,
    principal,
    write_accesses,
    write_rows,
    write_text,
)

ALWAYS = Window(None, None)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=3, minutes=30)), timezone(-timedelta(hours=8))])
INSTANTS = st.builds(
    lambda days, microsecond, zone: (START + timedelta(days=days, microseconds=microsecond)).astimezone(zone),
    st.integers(0, 100),
    st.integers(0, 86_399_999_999),
    ZONES,
)
ACCESSES = st.lists(
    st.builds(
        Access,
        INSTANTS,
        st.sampled_from(["ann", "bob", "cleo", "сергей"]),
        st.sampled_from([f"c{n}" for n in range(6)] + ["مشتری", "c,1", 'c"2']),
        st.lists(st.sampled_from(["email", "name", "phone", "e-mail", "mail"]), min_size=1, max_size=3).map(tuple),
        st.sampled_from(["view", "search", None]),
        st.sampled_from(["crm", "search", None]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture
def ledger(engine: str, tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger", engine=engine) as opened:
        yield opened


def ingest(ledger: Ledger, folder: Path, accesses: list[Access], name: str = "a.csv") -> None:
    ledger.ingest("accesses", [write_accesses(folder / name, accesses)])


def test_answers_equal_the_plain_computation(engine: str) -> None:
    @settings(max_examples=examples(engine, 25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        accesses=ACCESSES,
        cutoffs=st.dictionaries(st.sampled_from([f"c{n}" for n in range(7)]), INSTANTS, max_size=5),
        window_days=st.integers(1, 60),
        edges=st.tuples(INSTANTS, INSTANTS),
        suffix=st.sampled_from([".csv", ".ndjson", ".parquet", ".csv.gz", ".ndjson.zst", ".parquet.gz"]),
    )
    def hold(
        accesses: list[Access],
        cutoffs: dict[str, datetime],
        window_days: int,
        edges: tuple[datetime, datetime],
        suffix: str,
    ) -> None:
        check_answers(engine, accesses, cutoffs, window_days, edges, suffix)

    hold()


def check_answers(
    engine: str,
    accesses: list[Access],
    cutoffs: dict[str, datetime],
    window_days: int,
    edges: tuple[datetime, datetime],
    suffix: str,
) -> None:
    window = Window(min(edges), max(edges))
    with tempfile.TemporaryDirectory() as name, open_ledger(Path(name) / "ledger", engine=engine) as ledger:
        halves: tuple[list[Access], ...] = (accesses[::2], accesses[1::2])
        if halves[0] == halves[1] or not halves[1]:
            # Two files of the same bytes are one file given twice, and change nothing the second time.
            halves = (accesses,)
        report = ledger.ingest(
            "accesses", [write_accesses(Path(name) / f"{i}{suffix}", half) for i, half in enumerate(halves)]
        )
        assert (report.accepted_count, report.rejected_count) == (len(accesses), 0)
        inside = [a for a in accesses if min(edges) <= a.at < max(edges)]

        shown = ledger.exposures({key(c): at for c, at in cutoffs.items()}, "email", window_days)
        in_time = [
            a
            for a in accesses
            if a.customer in cutoffs and cutoffs[a.customer] - timedelta(days=window_days) <= a.at < cutoffs[a.customer]
        ]
        assert_sorted(shown)
        assert pairs(shown) == first_shown(in_time, "email")

        opened = ledger.opened_by([principal("ann"), principal("сергей")], "email", window)
        assert_sorted(opened)
        assert pairs(opened) == first_shown((a for a in inside if a.principal in ("ann", "сергей")), "email")

        totals = ledger.totals("email", window)
        assert totals.principal.tolist() == sorted(totals.principal.tolist())
        counted = dict(zip(totals.principal.tolist(), totals.opened_count.tolist(), strict=True))
        assert counted == customers_by_principal(inside, "email")
        assert totals.customer_count == len({a.customer for a in accesses})

        fields = {field: {a.customer for a in inside if field in a.fields} for a in inside for field in a.fields}
        everybody = [principal(name) for name in {a.principal for a in accesses}]
        assert ledger.fields_shown(everybody, window) == {field: len(who) for field, who in fields.items()}

        known = sorted({a.customer for a in accesses})
        assert ledger.customer_names(keys(known)) == tuple(known)
        coverage = ledger.coverage("email", window)
        assert coverage.access_count == len(inside)
        assert coverage.first_access_at == min((a.at for a in inside), default=None)
        assert coverage.last_access_at == max((a.at for a in inside), default=None)
        stats = ledger.stats()
        assert (stats.access_count, stats.customer_count) == (len(accesses), len(known))
        assert stats.principal_count == len({a.principal for a in accesses})


def test_an_empty_ledger_answers_everything_with_nothing(ledger: DuckLedger) -> None:
    assert pairs(ledger.exposures({5: START}, "email", 30)) == {}
    assert pairs(ledger.exposures({}, "email", 30)) == {}
    assert pairs(ledger.opened_by([], "email", ALWAYS)) == {}
    assert ledger.fields_shown([1], ALWAYS) == {}
    totals = ledger.totals("email", ALWAYS)
    assert (len(totals.principal), totals.customer_count, totals.contacts_count) == (0, 0, 0)
    assert len(ledger.draw_controls(10, seed=1, near=NOBODY, exclude=NOBODY)) == 0
    assert not ledger.customers(keys(["c1"])).in_table[0]
    assert ledger.principals() == ()
    assert ledger.sellers() == ()
    assert len(ledger.contacts(keys(["c1"]), "s", START)) == 0
    assert len(ledger.known_elsewhere(keys(["c1"]), "email", START)) == 0
    assert ledger.customers_by_address([b"x" * 16]) == {}
    assert [gap.kind for gap in ledger.coverage("email", ALWAYS).gaps] == ["no_accesses"]
    assert ledger.stats().access_count == 0


def test_two_identical_rows_are_two_accesses_and_the_same_file_again_changes_nothing(
    ledger: DuckLedger, tmp_path: Path
) -> None:
    twice = [Access(START, "ann", "c1")] * 2
    path = write_accesses(tmp_path / "a.csv", twice)
    assert ledger.ingest("accesses", [path, path]).accepted_count == 2
    before = ledger.snapshot()
    copied = tmp_path / "same bytes, other name.csv"
    copied.write_bytes(path.read_bytes())
    report = ledger.ingest("accesses", [path, copied])
    assert (report.accepted_count, report.already_ingested_count) == (0, 4)
    assert ledger.stats().access_count == 2
    assert ledger.snapshot() == before


def test_the_order_of_ingest_does_not_matter(engine: str, tmp_path: Path) -> None:
    parts = [
        ("accesses", [Access(START + timedelta(hours=n), f"p{n % 3}", f"c{n % 17}") for n in range(start, start + 40)])
        for start in (0, 40, 80)
    ]
    files = [write_accesses(tmp_path / f"{n}.csv", rows) for n, (_, rows) in enumerate(parts)]
    answers = []
    for order in ([0, 1, 2], [2, 0, 1]):
        with open_ledger(tmp_path / f"ledger{order[0]}", engine=engine) as ledger:
            for index in order:
                ledger.ingest("accesses", [files[index]])
            sample = ledger.opened_by([principal("p1")], "email", ALWAYS, limit=5, seed=3)
            controls = ledger.draw_controls(6, seed=4, near=NOBODY, exclude=NOBODY)
            answers.append((ledger.snapshot(), pairs(sample), controls.tolist()))
    assert answers[0] == answers[1]


def test_a_sample_depends_on_the_seed_and_on_nothing_else(ledger: DuckLedger, tmp_path: Path) -> None:
    accesses = [Access(START + timedelta(minutes=n), f"p{n % 2}", f"c{n // 2}") for n in range(400)]
    ingest(ledger, tmp_path, accesses)
    who = [principal("p0"), principal("p1")]
    first = pairs(ledger.opened_by(who, "email", ALWAYS, limit=30, seed=1))
    assert first == pairs(ledger.opened_by(who, "email", ALWAYS, limit=30, seed=1))
    assert first != pairs(ledger.opened_by(who, "email", ALWAYS, limit=30, seed=2))
    assert [sum(p == one for _, p in first) for one in who] == [30, 30]
    everything = first_shown(accesses, "email")
    assert first.items() <= everything.items()


def test_controls_are_half_from_everywhere_and_half_from_near_by(ledger: DuckLedger, tmp_path: Path) -> None:
    rows = [
        {"customer": f"c{n}", "region": f"r{n % 10}" if n % 10 < 9 else "", "jurisdiction": "DE" if n % 10 == 9 else ""}
        for n in range(2000)
    ]
    ledger.ingest("customers", [write_rows(tmp_path / "c.csv", rows)])
    near = keys([f"c{n}" for n in (3, 13, 23, 9)])  # three in r3, one in DE only
    drawn = ledger.draw_controls(400, seed=5, near=near, exclude=near)
    assert len(drawn) == 400
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert not set(near.tolist()) & set(drawn.tolist())
    assert drawn.tolist() == ledger.draw_controls(400, seed=5, near=near, exclude=near).tolist()
    table = ledger.customers(drawn)
    # 150 from r3 by quota and about 20 of those drawn alike; 50 and about 20 from DE
    assert 155 <= table.region.count("r3") <= 195
    assert 55 <= table.jurisdiction.count("DE") <= 95
    # all there are, when more are asked for than there are
    assert len(ledger.draw_controls(5000, seed=5, near=near, exclude=near)) == 1996


def test_a_draw_from_all_alike_is_even(engine: str, ledger: DuckLedger, tmp_path: Path) -> None:
    ledger.ingest("customers", [write_rows(tmp_path / "c.csv", [{"customer": f"c{n}"} for n in range(1000)])])
    times_drawn = np.zeros(1000)
    place = {int(k): n for n, k in enumerate(keys(f"c{n}" for n in range(1000)))}
    draws = examples(engine, 60)
    for seed in range(draws):
        for drawn in ledger.draw_controls(100, seed=seed, near=NOBODY, exclude=NOBODY).tolist():
            times_drawn[place[drawn]] += 1
    # Draws of one in ten: a binomial's mean and deviation if even; blocks of keys move together, hence the room
    assert times_drawn.mean() == draws / 10
    assert 0.65 < times_drawn.std() / (draws * 0.1 * 0.9) ** 0.5 < 1.5


def test_later_rows_win_for_ids_and_accumulate_for_contacts(ledger: DuckLedger, tmp_path: Path) -> None:
    old = [{"principal": "ann", "team": "old", "kind": "employee"}, {"principal": "ann", "team": "mid", "kind": ""}]
    ledger.ingest("principals", [write_rows(tmp_path / "p1.csv", old)])
    assert ledger.principals()[0].team == "mid"
    assert ledger.principals()[0].kind is None
    before = ledger.snapshot()
    new = [{"principal": "ann", "team": "new", "reports_to": "bob", "active_from": "2024-01-01T00:00:00+01:00"}]
    ledger.ingest("principals", [write_rows(tmp_path / "p2.csv", new)])
    ann = ledger.principals(KEYRING.principal_keys(["ann"]))[0]
    assert (ann.team, ann.reports_to, ann.name, ann.in_table) == ("new", "bob", "ann", True)
    assert ann.active_from == datetime(2023, 12, 31, 23, tzinfo=UTC)
    assert ledger.snapshot() != before
    contact = {"at": START.isoformat(), "customer": "c1", "seller": "s1", "kind": "order"}
    ledger.ingest("contacts", [write_rows(tmp_path / "k1.csv", [contact, contact])])
    ledger.ingest("contacts", [write_rows(tmp_path / "k2.ndjson", [contact])])
    assert ledger.totals("email", ALWAYS).contacts_count == 3
    assert ledger.totals("email", ALWAYS).customer_count == 1


def test_the_snapshot_tells_orders_apart_only_where_they_answer_differently(engine: str, tmp_path: Path) -> None:
    first = write_text(tmp_path / "1.csv", "customer,region\nc1,north\nc2,south\n")
    second = write_text(tmp_path / "2.csv", "customer,region\nc1,west\n")
    other = write_text(tmp_path / "3.csv", "customer,region\nc9,east\n")

    def after(*files: Path) -> tuple[str, tuple[str, ...]]:
        with open_ledger(tmp_path / "-".join(f.stem for f in files), engine=engine) as ledger:
            for file in files:
                ledger.ingest("customers", [file])
            return ledger.snapshot(), ledger.customers(keys(["c1", "c9"])).region

    assert after(first, other) == after(other, first)
    assert after(first, second)[1] != after(second, first)[1]
    assert after(first, second)[0] != after(second, first)[0]


def test_attributes_come_in_the_order_asked(ledger: DuckLedger, tmp_path: Path) -> None:
    ledger.ingest(
        "customers",
        [write_text(tmp_path / "c.csv", "customer,region,jurisdiction,segment,locale\na,r,US-CA,s,en\nb,,,,\n")],
    )
    table = ledger.customers(keys(["b", "zz", "a", "b"]))
    assert table.region == ("", "", "r", "")
    assert table.jurisdiction == ("", "", "US-CA", "")
    assert (table.segment[2], table.locale[2]) == ("s", "en")
    assert table.in_table.tolist() == [True, False, True, True]
    assert table.key.tolist() == keys(["b", "zz", "a", "b"]).tolist()


def test_dealings_are_with_sellers_and_products_of_several_cases(ledger: DuckLedger, tmp_path: Path) -> None:
    rows = (
        "2025-01-03T00:00:00Z,c1,s1,order,p1\n2025-01-01T00:00:00Z,c1,s1,order,p2\n2025-01-02T00:00:00Z,c2,s1,order,p1\n"
        "2025-01-01T00:00:00Z,c9,s1,message,\n2025-01-09T00:00:00Z,c3,s1,order,p1\n2025-01-01T00:00:00Z,c1,s2,order,p9\n"
        "2025-01-01T00:00:00Z,c1,own,order,p1\n2025-01-01T00:00:00Z,c2,own,order,p1\n"
    )
    path = write_text(tmp_path / "k.csv", f"at,customer,seller,kind,product\n{rows}")
    assert ledger.ingest("contacts", [path]).rejected_count == 0
    cases, others, before = keys(["c1", "c2", "c3"]), keys(["c8", "c9"]), datetime(2025, 1, 5, tzinfo=UTC)
    found = ledger.dealings(cases, others, before, but="own")
    assert found.labels == ("product p1", "seller s1")
    day = 86_400_000_000
    first = datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1_000_000
    told = {
        (found.labels[channel], int(customer), int(at - first) // day)
        for channel, customer, at in zip(found.channel, found.customer, found.first_shown_at, strict=True)
    }
    assert told == {
        ("product p1", key("c1"), 2),
        ("product p1", key("c2"), 1),
        ("seller s1", key("c1"), 0),
        ("seller s1", key("c2"), 1),
        ("seller s1", key("c9"), 0),
    }
    assert "seller own" in ledger.dealings(cases, others, before).labels
    more = (
        "2025-01-01T00:00:00Z,c1,s3,review,\n2025-01-02T00:00:00Z,c2,s3,Review,\n2025-01-02T00:00:00Z,c9,s4,review,\n"
    )
    ledger.ingest("contacts", [write_text(tmp_path / "r.csv", f"at,customer,seller,kind,product\n{more}")])
    found = ledger.dealings(cases, others, before, but="own")
    wrote: dict[str, set[int]] = {label: set() for label in found.labels if label.startswith("reviewers")}
    for channel, customer in zip(found.channel, found.customer, strict=True):
        wrote.get(found.labels[channel], set()).add(int(customer))
    assert wrote == {
        "reviewers of any seller": {key("c1"), key("c2"), key("c9")},
        "reviewers of seller s3": {key("c1"), key("c2")},
    }
    assert ledger.dealings(cases[:1], others, before).labels == ()
    assert ledger.dealings(cases[:0], others[:0], before).labels == ()


def test_contacts_and_known_elsewhere_count_only_before_the_instant(ledger: DuckLedger, tmp_path: Path) -> None:
    ledger.ingest(
        "contacts",
        [
            write_text(
                tmp_path / "k.csv",
                "at,customer,seller,kind\n2025-01-01T00:00:00Z,c1,s1,order\n2025-01-02T00:00:00Z,c2,s1,optin\n"
                "2025-01-01T00:00:00Z,c3,s2,Message\n",
            )
        ],
    )
    ledger.ingest(
        "known_elsewhere",
        [write_text(tmp_path / "e.csv", "customer,field,since,source\nc1,email,2024-01-01T00:00:00Z,paste\n")],
    )
    asked = keys(["c3", "c2", "c1"])
    assert ledger.contacts(asked, "s1", datetime(2025, 1, 2, tzinfo=UTC)).tolist() == [key("c1")]
    assert ledger.contacts(asked, "s1", datetime(2025, 1, 3, tzinfo=UTC)).tolist() == sorted([key("c1"), key("c2")])
    everybody = keys(["c3", "c4", "c3"])
    assert ledger.contacts(everybody, None, datetime(2025, 1, 1, tzinfo=UTC)).tolist() == []
    assert ledger.contacts(everybody, None, datetime(2025, 1, 2, tzinfo=UTC)).tolist() == [key("c3")]
    assert ledger.sellers_dealt_with(datetime(2025, 1, 1, tzinfo=UTC)) == frozenset()
    assert ledger.sellers_dealt_with(datetime(2025, 1, 2, tzinfo=UTC)) == {"s1", "s2"}
    assert ledger.known_elsewhere(asked, "email", datetime(2024, 1, 1, tzinfo=UTC)).tolist() == []
    assert ledger.known_elsewhere(asked, "email", datetime(2024, 1, 2, tzinfo=UTC)).tolist() == [key("c1")]
    assert ledger.known_elsewhere(asked, "phone", datetime(2024, 1, 2, tzinfo=UTC)).tolist() == []


def test_sellers_keep_names_and_domains(ledger: DuckLedger, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"seller": "s2", "name": "Böse@Shop GmbH", "domains": ["Shop.Example", "a.example"], "status": "active"},
        {"seller": "s1", "name": "Acme", "domains": None, "status": None},
    ]
    ledger.ingest("sellers", [write_rows(tmp_path / "s.parquet", rows)])
    assert ledger.sellers() == (
        SellerFacts("s1", "Acme", (), None),
        SellerFacts("s2", "Böse@Shop GmbH", ("a.example", "shop.example"), "active"),
    )


def test_an_address_finds_its_one_customer_exactly_before_folded(ledger: DuckLedger, tmp_path: Path) -> None:
    ledger.ingest(
        "customers",
        [
            write_text(
                tmp_path / "c.csv",
                "customer,email\nc1,Ann.Lee@GMail.com\nc2,bob+shop@example.org\nc3,bob@example.org\n"
                "c4,twin@example.org\nc5,twin@example.org\nc6,\nc7,no address\n",
            )
        ],
    )

    def hashed(address: str) -> bytes:
        return KEYRING.address_hash(address)

    asked = ["ann.lee@gmail.com", "annlee@gmail.com", "bob@example.org", "bob+shop@example.org", "twin@example.org"]
    found = ledger.customers_by_address([hashed(address) for address in asked])
    assert found == {
        hashed("ann.lee@gmail.com"): key("c1"),
        hashed("annlee@gmail.com"): key("c1"),
        hashed("bob@example.org"): key("c3"),
        hashed("bob+shop@example.org"): key("c2"),
    }


def test_an_unknown_key_has_no_name(ledger: DuckLedger, tmp_path: Path) -> None:
    ingest(ledger, tmp_path, [Access(START, "ann", "c1")])
    with pytest.raises(LedgerError, match="1 of 2 customers"):
        ledger.customer_names(keys(["c1", "c2"]))


@pytest.mark.parametrize("table", ["evidence", "nonsense"])
def test_a_table_that_is_not_ingested_is_refused(ledger: DuckLedger, tmp_path: Path, table: str) -> None:
    with pytest.raises(UsageError):
        ledger.ingest(table, [write_text(tmp_path / "x.csv", "customer\nc1\n")])


def test_it_is_a_ledger(ledger: DuckLedger) -> None:
    asked: Ledger = ledger
    assert asked.snapshot() == ledger.snapshot()


def test_times_before_1970_and_a_field_inside_another_name(ledger: DuckLedger, tmp_path: Path) -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    ingest(ledger, tmp_path, [Access(early, "ann", "c1", ("e-mail", "mail"))])
    assert pairs(ledger.opened_by([principal("ann")], "email", ALWAYS)) == {}
    assert pairs(ledger.opened_by([principal("ann")], "mail", ALWAYS)) == {
        (key("c1"), principal("ann")): microseconds(early)
    }
    cut = ledger.coverage("mail", Window(datetime(1969, 12, 31, 12, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)))
    assert cut.access_count == 1


def test_sellers_keep_what_else_is_theirs_and_old_segments_still_answer(ledger: DuckLedger, tmp_path: Path) -> None:
    ledger.ingest("sellers", [write_text(tmp_path / "old.csv", "seller,name,domains\ns1,Acme,acme.example\n")])
    rows: list[dict[str, Any]] = [
        {
            "seller": "s2",
            "name": "Oak",
            "domains": ["oak.example"],
            "links": ["https://Market.example/shop/Oak"],
            "products": ["AB-1", "cd:2"],
            "brands": None,
            "reply_addresses": ["Oak@gmail.com"],
        },
        {"seller": "s3", "name": "Elm", "domains": None, "links": None, "products": None, "brands": ["Ulme"]},
    ]
    ledger.ingest("sellers", [write_rows(tmp_path / "new.parquet", rows)])
    token = f"address:{KEYRING.address_hash('oak@gmail.com')[:8].hex()}"
    assert ledger.sellers() == (
        SellerFacts("s1", "Acme", ("acme.example",)),
        SellerFacts(
            "s2", "Oak", ("oak.example",), None, ("https://market.example/shop/oak",), ("ab-1", "cd:2"), (), (token,)
        ),
        SellerFacts("s3", "Elm", brands=("ulme",)),
    )
