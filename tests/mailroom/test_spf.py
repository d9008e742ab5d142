"""SPF by its public test suite, and against those who write records to hurt whoever evaluates them."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.mailroom.spf import Limits, check_host
from leaktrace.mailroom.spfmacros import Mailer, expand
from leaktrace.mailroom.spfrecord import BadSpfError, choose_record, read_spf
from tests.mailroom.zones import ZoneNames

SUITE = Path(__file__).parent / "spf_suite" / "rfc7208-tests.yml"
CLIENT = "192.0.2.1"
NO_LIMITS = Limits(10**9, 10**9, 10**9, 10**9)


def suite() -> Iterator[Any]:
    for scenario in yaml.safe_load_all(SUITE.read_bytes()):
        zone = {name: list(records_of(rows)) for name, rows in scenario["zonedata"].items()}
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


def records_of(rows: list[Any]) -> Iterator[tuple[str, str]]:
    """The suite's records: those of the type SPF stand for TXT ones where a name has none of its own."""
    has_texts = any(isinstance(row, dict) and "TXT" in row for row in rows)
    own = [next(iter(row.items())) if isinstance(row, dict) else ("", row) for row in rows]
    # An answer that never comes is of kinds that the name has no record of.
    kinds = {"TXT" if kind == "SPF" and not has_texts else kind for kind, value in own if value != "NONE"}
    for kind, value in own:
        if value == "NONE":
            continue
        if kind == "":
            yield from ((other, "TIMEOUT") for other in {"TXT", "A", "AAAA", "MX", "PTR"} - kinds)
        elif kind == "MX":
            yield from [("MX", value[1])] if value[1] else []
        elif kind != "SPF" or not has_texts:
            yield "TXT" if kind == "SPF" else kind, "".join(value)


CASES = list(suite())


def test_the_suite_is_all_there() -> None:
    assert len(CASES) == 203


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_the_public_suite(zone: dict[str, list[tuple[str, str]]], case: dict[str, Any]) -> None:
    allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
    found = check_host(case["host"], case["mailfrom"] or "", case["helo"] or "", ZoneNames(zone))
    assert found.result in allowed, found.reason
    assert found.reason


def ask(zone: dict[str, list[tuple[str, str]]], limits: Limits = Limits(), **named: str) -> tuple[str, ZoneNames]:  # noqa: B008
    names = ZoneNames(zone)
    mailer = {"address": CLIENT, "sender": "cleo@shop.example", "greeting": "mx.shop.example"} | named
    return check_host(**mailer, names=names, limits=limits).result, names


class TestLookupBomb:
    """Records that include ten others each: one mail makes its receiver ask as many names as its sender likes."""

    ZONE: ClassVar = {
        f"{'n' * depth}{which}.shop.example" if depth else "shop.example": [
            ("TXT", "v=spf1 " + " ".join(f"include:{'n' * (depth + 1)}{n}.shop.example" for n in range(10)) + " -all")
        ]
        for depth in range(3)
        for which in range(10)
    } | {f"nnn{n}.shop.example": [("TXT", "v=spf1 ?all")] for n in range(10)}

    def test_without_the_limit_a_thousand_names_are_asked(self) -> None:
        result, names = ask(self.ZONE, NO_LIMITS)
        assert len(names.asked) > 1000
        assert result == "fail"

    def test_with_it_eleven_are(self) -> None:
        result, names = ask(self.ZONE)
        assert result == "permerror"
        assert len(names.asked) <= 11


class TestVoidFlood:
    """A record that names nothing but names of somebody else's that do not exist."""

    ZONE: ClassVar = {
        "shop.example": [("TXT", "v=spf1 " + " ".join(f"a:x{n}.victim.example" for n in range(200)) + " -all")]
    }

    def test_without_the_limits_the_victim_is_asked_two_hundred_times(self) -> None:
        assert len(ask(self.ZONE, NO_LIMITS)[1].asked) == 201

    def test_with_the_limit_of_look_ups_alone_ten_times(self) -> None:
        assert len(ask(self.ZONE, replace(NO_LIMITS, lookup_count=10))[1].asked) == 11

    def test_with_all_of_them_three_times(self) -> None:
        result, names = ask(self.ZONE)
        assert (result, len(names.asked)) == ("permerror", 4)


class TestMacroBomb:
    """Macros that stand for the sender's long address, again and again."""

    RECORD = "v=spf1 " + " ".join("exists:" + "%{s}" * 700 + ".shop.example" for _ in range(2)) + " -all"
    SENDER = "x" * 480 + "@shop.example"

    def test_without_the_ceiling_each_name_is_a_hundred_times_the_record(self) -> None:
        mailer = Mailer(ipaddress.ip_address(CLIENT), "x" * 480, "shop.example", "mx.shop.example")
        asked: list[str] = []

        def validated() -> str:
            asked.append("x" * 480)
            return asked[-1]

        expand("%{p}" * 1900, mailer, "shop.example", validated, 10**9)
        assert len("".join(asked)) > 100 * 8000
        asked.clear()
        with pytest.raises(BadSpfError, match="expand"):
            expand("%{p}" * 1900, mailer, "shop.example", validated, Limits().expanded_characters)
        assert len("".join(asked)) < 5000

    def test_with_it_the_record_is_wrong_and_nothing_is_asked_for_it(self) -> None:
        result, names = ask({"shop.example": [("TXT", self.RECORD)]}, sender=self.SENDER)
        assert (result, names.asked) == ("permerror", [("shop.example", "TXT")])

    def test_a_record_longer_than_any_honest_one_is_wrong(self) -> None:
        record = "v=spf1 " + "ip4:192.0.2.1 " * 600
        assert len(record) > 8000
        assert ask({"shop.example": [("TXT", record)]})[0] == "permerror"


def test_a_mail_host_with_a_hundred_addresses_to_ask_is_wrong() -> None:
    zone = {"shop.example": [("TXT", "v=spf1 mx -all"), *(("MX", f"m{n}.shop.example") for n in range(100))]}
    assert len(ask(zone, NO_LIMITS)[1].asked) == 102
    result, names = ask(zone)
    assert (result, len(names.asked)) == ("permerror", 2)


def test_of_a_client_with_a_hundred_names_ten_are_asked() -> None:
    zone = {
        "shop.example": [("TXT", "v=spf1 ptr -all")],
        "1.2.0.192.in-addr.arpa": [("PTR", f"n{n}.other.example") for n in range(100)],
    }
    result, names = ask(zone)
    assert (result, len(names.asked)) == ("fail", 12)


def test_records_that_lead_to_each_other_end() -> None:
    zone = {
        "shop.example": [("TXT", "v=spf1 include:b.example")],
        "b.example": [("TXT", "v=spf1 redirect=shop.example")],
    }
    assert ask(zone)[0] == "permerror"


def test_names_made_of_the_mail_are_told_apart_from_the_others() -> None:
    record = "v=spf1 a:mail.shop.example exists:%{l}.who.shop.example exists:%{ir}.ip.shop.example a:%{d} ptr -all"
    _, names = ask({"shop.example": [("TXT", record), ("A", "192.0.2.9")], "mail.shop.example": [("A", "192.0.2.8")]})
    assert names.asked_of_mail == [
        "cleo.who.shop.example",
        "1.2.0.192.ip.shop.example",
        "1.2.0.192.in-addr.arpa",
    ]


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.1.1", "fe80::1%eth0%1", "192.0.2.1/24"])
def test_what_is_no_address_is_no_question(address: str) -> None:
    result, names = ask({"shop.example": [("TXT", "v=spf1 +all")]}, address=address)
    assert (result, names.asked) == ("none", [])


def test_the_null_sender_is_the_greetings_postmaster() -> None:
    zone = {"mx.shop.example": [("TXT", "v=spf1 exists:%{l}.%{o} -all")], "postmaster.mx.shop.example": [("A", "::")]}
    assert ask(zone, sender="")[0] == "pass"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["all", "a", "mx", "ptr", "include:", "exists:%{i}.x", "ip4:192.0.2.0/24", "redirect=", "/"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=300), max_size=30),
        ),
        max_size=12,
    ),
    st.text(max_size=20),
)
def test_no_record_and_no_sender_breaks_it(words: list[str], sender: str) -> None:
    record = "v=spf1 " + " ".join(words)
    result, names = ask({"shop.example": [("TXT", record)]}, sender=f"{sender}@shop.example")
    assert result in ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror")
    assert len(names.asked) <= 150


@pytest.mark.parametrize(
    "piece", ["%{d", "%{d1", ".a", "a-", "%{d}", "/24", "//", "a.b", "%", "ip4:", "1", "-", ".", "%{ir}.", "v=spf1"]
)
def test_reading_takes_linear_time(piece: str) -> None:
    text = piece * (7900 // len(piece)) + "!"
    began = time.process_time()
    for prefix in ("a:", "include:", "redirect=", "x=", "ip6:", ""):
        with contextlib.suppress(BadSpfError):
            read_spf(f"v=spf1 {prefix}{text}")
    # A quadratic pattern takes seconds for 8,000 characters.
    assert time.process_time() - began < 0.5


def test_only_one_record_is_one() -> None:
    assert choose_record(["v=spf10 +all", "x v=spf1 +all", "V=SPF1 -all"]) == "V=SPF1 -all"
    assert choose_record(["v=spf11"]) is None
    with pytest.raises(BadSpfError, match="more than one"):
        choose_record(["v=spf1", "v=spf1 +all"])
