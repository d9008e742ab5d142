"""The exposure list: its rows, what the mails add, and when "only e-mail addresses" may be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.cases.exposure import Residence, Shown, exposure_list
from leaktrace.cases.mailfields import MailFields, MailText, fields_in_mails, shows_name
from leaktrace.records import CoverageGap, ExposedCustomer, LogCoverage, Window

AT = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(AT - timedelta(days=300), AT)
WHOLE = LogCoverage(WINDOW, AT - timedelta(days=300), AT, 1000, ("crm",), (), True, True, "No gap was found.")
BULK = CoverageGap("bulk_read", "crm", WINDOW, 1, "A bulk read.")
PARTLY = replace(WHOLE, gaps=(BULK,), allows_fields_statement=False, sentence="A bulk read without customers.")
MAILS = MailFields({}, {}, 5, 0)


def customer(name: str, *fields: str, status: Any = "confirmed") -> ExposedCustomer:
    return ExposedCustomer(name, status, AT - timedelta(days=9), fields or ("email",))


def shown(*customers: ExposedCustomer, **changes: Any) -> Shown:
    usual = Shown(
        campaign="c-1",
        finding_sha256="a" * 64,
        outcome="named",
        field="email",
        window=WINDOW,
        customers=customers,
        access_counts={one.customer: 2 for one in customers},
        residences={one.customer: Residence("DE", "de") for one in customers},
        coverage=WHOLE,
        mails=MAILS,
        evidence_customer_count=sum(one.status == "confirmed" for one in customers),
    )
    return replace(usual, **changes)


def test_customers_in_evidence_who_are_not_on_the_list_are_told() -> None:
    made = exposure_list(shown(*TWO, evidence_customer_count=4), AT)
    assert any(note.startswith("3 of 4 customers in evidence are not confirmed by this list") for note in made.notes)
    assert not any("in evidence" in note for note in exposure_list(shown(*TWO), AT).notes)


TWO = (customer("c2"), customer("c1", status="possible"))


def test_the_rows_say_who_how_sure_where_and_how_often() -> None:
    made = exposure_list(shown(*TWO, residences={"c1": Residence("US-CA", "en")}), AT)
    assert [(row.customer, row.certainty, row.jurisdiction, row.access_count) for row in made.rows] == [
        ("c1", "possible", "US-CA", 2),
        ("c2", "confirmed", None, 2),
    ]
    assert any("not known" in note for note in made.notes)
    other_order = shown(*reversed(TWO), residences={"c1": Residence("US-CA", "en")})
    assert made.sha256() == exposure_list(other_order, AT).sha256()


@pytest.mark.parametrize(
    ("basis", "answer", "why"),
    [
        (shown(*TWO), "yes", "no other field"),
        (shown(), "cannot_be_said", "Nobody inside"),
        (shown(customer("c1", "email", "phone")), "no", "phone"),
        (shown(customer("c1", "E-Mail"), field="e-mail"), "yes", "no other field"),
        (shown(*TWO, field="phone"), "no", "phone"),
        (shown(*TWO, mails=MailFields({"c1": ("name",)}, {"name": 1}, 5, 0)), "no", "name in 1 mail"),
        (shown(*TWO, outcome="undecided"), "cannot_be_said", "Nobody is named"),
        (shown(*TWO, coverage=PARTLY), "cannot_be_said", "bulk read"),
        (shown(customer("c1", "*", "email")), "cannot_be_said", "cannot show it"),
        (shown(*TWO, mails=MailFields({}, {}, 0, 0)), "cannot_be_said", "not known"),
        (shown(*TWO, mails=MailFields({}, {}, 1, 1)), "cannot_be_said", "numbers"),
        (shown(customer("c1", "*", "email", "phone"), coverage=PARTLY), "no", "phone"),
    ],
)
def test_only_email_is_derived_and_refused_where_the_log_cannot_show_it(basis: Shown, answer: str, why: str) -> None:
    made = exposure_list(basis, AT)
    assert (made.only_email, why in made.only_email_reason) == (answer, True), made.only_email_reason
    assert "c1" not in made.only_email_reason, "names nobody"


@given(
    st.sampled_from(["named", "nobody", "undecided"]),
    st.booleans(),
    st.sampled_from([("email",), ("email", "name"), ("*", "email")]),
    st.integers(0, 3),
    st.integers(0, 2),
    st.dictionaries(st.sampled_from(["name", "order", "phone"]), st.integers(1, 9), max_size=2),
)
def test_yes_is_never_said_against_any_sign(
    outcome: Any, allows: bool, fields: tuple[str, ...], read: int, unclear: int, seen: dict[str, int]
) -> None:
    coverage = replace(WHOLE, allows_fields_statement=allows)
    basis = shown(
        customer("c1", *fields), outcome=outcome, coverage=coverage, mails=MailFields({}, seen, read, unclear)
    )
    clean = outcome == "named" and allows and fields == ("email",) and read > 0 and not unclear and not seen
    assert (exposure_list(basis, AT).only_email == "yes") == clean


def test_what_the_mail_shows_beyond_the_log_widens_the_row_and_is_said() -> None:
    mails = MailFields({"c1": ("name", "phone"), "c9": ("order",)}, {"name": 1, "phone": 1, "order": 1}, 3, 0)
    made = exposure_list(shown(customer("c1", "email", "phone_number"), customer("c2"), mails=mails), AT)
    assert [row.widened_by for row in made.rows] == [("name",), ()]
    assert any("wider than the log" in note for note in made.notes)
    assert any("do not explain them" in note for note in made.notes)
    assert made.fields_in_mail == {"name": 1, "order": 1, "phone": 1}


@pytest.mark.parametrize(
    ("logged", "seen", "widened"),
    [
        ("full_name", "name", False),
        ("surname", "name", False),
        ("Order-ID", "order", False),
        ("invoices", "order", False),
        ("mobile", "phone", False),
        ("username", "name", True),
        ("preorder", "order", True),
        ("address", "phone", True),
    ],
)
def test_what_logs_call_a_field(logged: str, seen: str, *, widened: bool) -> None:
    mails = MailFields({"c1": (seen,)}, {seen: 1}, 3, 0)
    (row,) = exposure_list(shown(customer("c1", "email", logged), mails=mails), AT).rows
    assert bool(row.widened_by) == widened


# --- what a mail shows --------------------------------------------------------------------------------------


def mail(text: str, customer: str | None = "c1", name: str = "", address: str = "x1@example.org") -> MailText:
    return MailText(customer, text, (name,) if name else (), (address,))


@pytest.mark.parametrize(
    ("text", "name", "address", "expected"),
    [
        ("Dear Ms Kowalska, we have offers.", "Anna Kowalska", "ak77@example.org", True),
        ("Hello Anna, we have offers.", "Anna Kowalska", "ak77@example.org", True),
        ("Hello Anna, we have offers.", "Anna Kowalska", "anna@example.org", False),
        ("Dear Ms Kowalska, we have offers.", "Anna Kowalska", "anna.kowalska@example.org", False),
        ("Hallo Jürgen", "Jürgen Becker", "becker_jurgen55@example.org", False),
        ("Hallo Jürgen", "Jürgen Becker", "juergen.becker@example.org", False),
        ("Merhaba Çağlar", "Çağlar Öztürk", "c.ozturk@example.org", True),
        ("Merhaba Çağlar Öztürk", "Çağlar Öztürk", "caglar.ozturk@example.org", False),
        ("Dear customer, we have offers.", "Anna Kowalska", "ak77@example.org", False),
        ("王小明 您好", "王小明", "wxm@example.org", True),
        ("سلام مریم رضایی عزیز", "مریم رضایی", "mr77@example.org", True),
        ("Dear customer. " + "Words. " * 100 + "Signed by Anna", "Anna Kowalska", "ak77@example.org", False),
        ("Dear customer. " + "Words. " * 100 + "For Anna Kowalska only", "Anna Kowalska", "ak7@example.org", True),
        ("The best of Mr Doctor", "Mr Dr", "ak77@example.org", False),
        ("Hello Anna", "", "ak77@example.org", False),
        ("Welcome to Banna shop", "Anna Kowalska", "ak77@example.org", False),
    ],
)
def test_a_name_counts_where_it_cannot_be_read_off_the_address(
    text: str, name: str, address: str, expected: bool
) -> None:
    assert shows_name(mail(text, name=name, address=address)) == expected


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("About your order 10023{n}77 of May", ("order",)),
        ("Bestellung Nr. 10023{n}77", ("order",)),
        ("注文番号：10023{n}77", ("order",)),
        ("سفارش: AB-10023{n}77", ("order",)),
        ("Your invoice INV-2026-0{n}177", ("order",)),
        ("We tried to call you at +49 170 5550{n}77.", ("phone",)),
        ("Call: 0170/5550{n}77", ("phone",)),
        ("Valid until 2026-0{n}-17, see https://shop.example/1002300{n}77", ()),
        ("Save 10 % on 1{n} articles", ()),
        ("Only 12{n}.00 EUR", ()),
        ("We tried +49 170 5550{n}77 about order 10023{n}77", ("order", "phone")),
    ],
)
def test_numbers_that_differ_from_mail_to_mail_are_the_customers(text: str, fields: tuple[str, ...]) -> None:
    found = fields_in_mails([mail(text.replace("{n}", str(n)), f"c{n}") for n in range(1, 5)])
    assert found.by_customer == ({f"c{n}": fields for n in range(1, 5)} if fields else {})
    assert found.counts == dict.fromkeys(fields, 4)
    assert (found.looked_at_count, found.unclear_count) == (4, 0)


def test_what_all_mails_have_in_common_is_the_senders_own() -> None:
    text = "Call our hotline +49 30 5550123. Campaign order 99887766."
    assert fields_in_mails([mail(text, f"c{n}") for n in range(4)]).counts == {}


def test_one_mail_alone_cannot_tell_whose_number_it_is() -> None:
    found = fields_in_mails([mail("Call +49 30 5550123"), mail("Call +49 30 5550123")])
    assert (found.counts, found.unclear_count) == ({}, 2)


def test_an_order_number_that_we_know_is_the_customers_even_in_one_mail() -> None:
    known = replace(mail("About AB 10023-77"), references=("AB-1002377",))
    assert fields_in_mails([known]).by_customer == {"c1": ("order",)}


def test_mails_without_text_or_customer_count_for_nobody() -> None:
    found = fields_in_mails([mail("  "), mail("Dear Ms Kowalska", None, "Anna Kowalska"), mail("x", "c2")])
    assert (found.by_customer, found.counts, found.looked_at_count) == ({}, {"name": 1}, 2)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_is_read(texts: list[str]) -> None:
    found = fields_in_mails([mail(text, f"c{n}", "Anna Kowalska") for n, text in enumerate(texts)])
    assert found.looked_at_count == sum(bool(text.strip()) for text in texts)


def test_a_long_text_is_read_in_time() -> None:
    found = fields_in_mails([mail("1 " * 100_000 + "+" * 50_000, f"c{n}") for n in range(3)])
    assert found.looked_at_count == 3
