"""Who sent the message itself: SPF and DMARC of a known envelope, our border server's word, and forgeries of both."""

from __future__ import annotations

import json
import smtplib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import leaktrace
from leaktrace.folder import open_folder
from leaktrace.mailroom import read_mail
from leaktrace.mailroom.dmarc import check_dmarc
from leaktrace.mailroom.documents import message_from_document
from leaktrace.mailroom.mailbook import MailBook
from leaktrace.mailroom.results import read_results
from leaktrace.mailroom.sources import Envelope
from leaktrace.mailroom.ways import listen_asked
from leaktrace.records import Arrival, DkimResult, DmarcResult, MessageRecord, SpfResult
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import CUSTOMER, attached, gmail_text, message, multipart, original
from tests.mailroom.servers.starting import answers, free_port, wait_until
from tests.mailroom.test_mail_attached import key_pair, signed
from tests.mailroom.test_mail_dns_keys import Clock, SmallDns
from tests.mailroom.zones import Zone, ZoneNames

REPORT = multipart("Content-Type: text/plain\n\nplease look", attached(original()))
REJECT: Zone = {
    "mail.example": [("TXT", "v=spf1 ip4:192.0.2.0/24 -all")],
    "_dmarc.mail.example": [("TXT", "v=DMARC1; p=reject")],
}
HONEST = Envelope("192.0.2.7", "mx.mail.example", "cleo@mail.example")
FORGER = Envelope("198.51.100.9", "host.forger.example", "cleo@mail.example")


def arrival(envelope: Envelope | None, zone: Zone, raw: bytes = REPORT, **named: object) -> Arrival | None:
    return read_mail(raw, envelope=envelope, names=ZoneNames(zone), **named).arrival  # type: ignore[arg-type]


def sender(envelope: Envelope, zone: Zone, raw: bytes = REPORT) -> str:
    found = arrival(envelope, zone, raw)
    assert found is not None
    return found.sender


# --- by the envelope ---------------------------------------------------------------------------------------------


def test_a_reporter_is_confirmed_by_where_the_mail_came_from() -> None:
    found = arrival(HONEST, REJECT)
    assert found == Arrival(
        "listener",
        SpfResult("pass", "mail.example", "192.0.2.7 meets ip4:192.0.2.0/24 of mail.example"),
        DmarcResult("pass", "mail.example", "reject", ("spf",), "SPF vouches for mail.example"),
        "confirmed",
        "SPF vouches for mail.example",
    )


def test_a_forged_reporter_is_disowned() -> None:
    found = arrival(FORGER, REJECT)
    assert found is not None
    assert found.spf is not None
    assert found.dmarc is not None
    assert (found.spf.result, found.dmarc.result, found.sender) == ("fail", "fail", "disowned")
    assert "neither SPF nor DKIM" in found.reason


def test_a_forger_with_a_domain_of_his_own_behind_it_is_disowned() -> None:
    zone = {**REJECT, "forger.example": [("TXT", "v=spf1 +all")]}
    found = arrival(replace(FORGER, sender="bounce@forger.example"), zone)
    assert found is not None
    assert found.spf is not None
    assert (found.spf.result, found.sender) == ("pass", "disowned")


def test_without_an_envelope_or_without_dns_nothing_is_said() -> None:
    assert arrival(None, REJECT) is None
    assert read_mail(REPORT, envelope=HONEST).arrival is None


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("v=DMARC1; p=quarantine", "disowned"),
        ("v=DMARC1; p=none", "unknown"),
        ("v=DMARC1; p=reject; pct=20", "disowned"),
        ("v=DMARC1; p=quarantine; pct=20", "unknown"),
        ("v=DMARC1; p=quarantine; t=y", "unknown"),
        ("v=DMARC1; p=whatever", "unknown"),
        ("v=DMARC1; rua=mailto:a@mail.example", "unknown"),
        ("p=reject; v=DMARC1", "unknown"),
        ("v=DMARC10; p=reject", "unknown"),
    ],
)
def test_only_an_owner_who_asks_for_it_disowns(policy: str, told: str) -> None:
    assert sender(FORGER, {**REJECT, "_dmarc.mail.example": [("TXT", policy)]}) == told


def test_a_domain_without_a_policy_can_vouch_and_disowns_nobody() -> None:
    zone = {"mail.example": REJECT["mail.example"]}
    found = arrival(HONEST, zone)
    assert found is not None
    assert (found.sender, found.reason) == (
        "confirmed",
        "SPF vouches for mail.example; mail.example publishes no DMARC policy",
    )
    assert sender(FORGER, zone) == "unknown"


def test_two_policies_are_none() -> None:
    zone = {**REJECT, "_dmarc.mail.example": [("TXT", "v=DMARC1; p=reject"), ("TXT", "v=DMARC1; p=none")]}
    found = arrival(FORGER, zone)
    assert found is not None
    assert found.dmarc is not None
    assert (found.dmarc.result, found.sender) == ("none", "unknown")


@pytest.mark.parametrize("name", ["mail.example", "_dmarc.mail.example"])
def test_an_answer_that_does_not_come_disowns_nobody(name: str) -> None:
    assert sender(FORGER, {**REJECT, name: [("TXT", "TIMEOUT")]}) == "unknown"


@pytest.mark.parametrize(
    "raw",
    [
        REPORT.replace(b"From: ", b"From: Nora <nora@vale-shop.example>\r\nFrom: ", 1),
        REPORT.replace(CUSTOMER.encode(), CUSTOMER.encode() + b", nora@vale-shop.example", 1),
        REPORT.replace(CUSTOMER.encode(), b"Cleo Marsh", 1),
        REPORT.replace(b"cleo@mail.example", b"cleo@[192.0.2.7]", 1),
    ],
)
def test_a_from_field_of_nobody_in_particular_is_confirmed_by_nothing(raw: bytes) -> None:
    assert sender(HONEST, REJECT, raw) == "unknown"


# --- alignment ---------------------------------------------------------------------------------------------------


def dmarc(domain: str, spf: str, dkim: str, policy: str, at: str = "_dmarc.mail.example") -> DmarcResult:
    signature = [DkimResult(dkim, "s1", "pass", ("from",))] if dkim else []
    return check_dmarc(domain, SpfResult("pass", spf, ""), signature, ZoneNames({at: [("TXT", f"v=DMARC1; {policy}")]}))


@pytest.mark.parametrize(
    ("domain", "spf", "dkim", "policy", "result", "aligned"),
    [
        ("mail.example", "bounce.mail.example", "", "p=reject", "pass", ("spf",)),
        ("mail.example", "bounce.mail.example", "", "p=reject; aspf=s", "fail", ()),
        ("mail.example", "other.example", "a.mail.example", "p=reject", "pass", ("a.mail.example",)),
        ("mail.example", "other.example", "a.mail.example", "p=reject; adkim=s", "fail", ()),
        ("mail.example", "mail.example", "MAIL.example", "p=reject; adkim=s; aspf=s", "pass", ("spf", "mail.example")),
        ("mail.example", "notmail.example", "example", "p=reject", "fail", ()),
        ("shop.mail.example", "mail.example", "", "p=none; sp=reject", "pass", ("spf",)),
        ("shop.mail.example", "other.example", "", "p=none; sp=reject", "fail", ()),
    ],
)
def test_alignment(domain: str, spf: str, dkim: str, policy: str, result: str, aligned: tuple[str, ...]) -> None:
    found = dmarc(domain, spf, dkim, policy)
    assert (found.result, found.aligned) == (result, aligned)


def test_the_policy_is_the_organisations_where_the_domain_has_none() -> None:
    assert dmarc("a.b.mail.example", "x.example", "", "p=reject").policy == "reject"
    assert dmarc("a.b.mail.example", "x.example", "", "p=reject; sp=quarantine").policy == "quarantine"
    assert dmarc("mail.example", "x.example", "", "p=reject; sp=none").policy == "reject"
    assert dmarc("mail.co.uk", "x.example", "", "p=reject", at="_dmarc.co.uk").result == "none"


def test_spf_that_does_not_pass_vouches_for_nobody() -> None:
    names = ZoneNames({"_dmarc.mail.example": [("TXT", "v=DMARC1; p=reject")]})
    for verdict in ("fail", "softfail", "neutral", "none", "permerror"):
        assert check_dmarc("mail.example", SpfResult(verdict, "mail.example", ""), [], names).result == "fail"
    assert check_dmarc("mail.example", SpfResult("temperror", "mail.example", ""), [], names).result == "temperror"


def test_a_signature_whose_key_could_not_be_had_is_no_failure() -> None:
    zone = {"_dmarc.mail.example": [("TXT", "v=DMARC1; p=reject")], "s1._domainkey.mail.example": [("TXT", "TIMEOUT")]}
    for selector, result in (("s1", "temperror"), ("gone", "fail")):
        signature = DkimResult("mail.example", selector, "no_key", ("from",))
        assert check_dmarc("mail.example", None, [signature], ZoneNames(zone)).result == result


def test_a_good_signature_confirms_mail_that_was_passed_on() -> None:
    pair = key_pair()
    raw = signed(pair, message("This is spam\n"), domain="mail.example")
    keys = {"s1._domainkey.mail.example": pair[1]}
    found = arrival(FORGER, REJECT, raw, dns_keys=keys)
    assert found is not None
    assert (found.sender, found.reason) == ("confirmed", "the DKIM signature of mail.example vouches for mail.example")


# --- forwarded mail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [REPORT, message(gmail_text())])
def test_no_grade_rests_on_who_sent_the_report(raw: bytes) -> None:
    zone = {**REJECT, "vale-shop.example": [("TXT", "v=spf1 +all")]}
    results = "Authentication-Results: mx.market.example; spf=pass smtp.mailfrom=nora@vale-shop.example; dmarc=pass"
    stamped = raw.replace(b"From: Nora", results.encode() + b" header.from=vale-shop.example\nFrom: Nora", 1)
    plain = read_mail(raw).originals
    assert read_mail(raw, envelope=HONEST, names=ZoneNames(zone)).originals == plain
    settings = Settings(own_authserv_ids=("mx.market.example",), trusted_receivers=("mx.market.example",))
    told = read_mail(stamped, settings=settings, envelope=HONEST, names=ZoneNames(zone)).originals
    assert [one.grade for one in told] == [one.grade for one in plain]


# --- by our border server's results ------------------------------------------------------------------------------

OURS = Settings(
    own_authserv_ids=("mx.market.example",),
    trusted_receivers=("market.example",),
    trusted_forwarders=("10.0.0.0/8", "unix"),
)
STAMP = (
    "Authentication-Results: mx.market.example;\r\n\tspf=pass smtp.mailfrom=cleo@mail.example;\r\n"
    "\tdkim=pass header.d=mail.example header.s=s1;\r\n\tdmarc=pass (p=REJECT sp=NONE) header.from=mail.example\r\n"
)
BORDER = (
    "Received: from host.forger.example (unknown [198.51.100.9])\r\n"
    "\tby mx.market.example (Postfix) with ESMTP id 4X;\r\n"
    "\tTue, 5 Mar 2024 10:00:01 +0100\r\n"
)
INSIDE = (
    "Received: from mx.market.example (mx.market.example [10.0.0.5])\r\n"
    "\tby store.market.example (Dovecot) with LMTP;\r\n"
    "\tTue, 5 Mar 2024 10:00:02 +0100\r\n"
)
LISTENER = (
    "Return-Path: <cleo@mail.example>\r\nReceived: from mx.market.example (a local socket)\r\n"
    "\tby desk.market.example (leaktrace) with LMTP id 77;\r\n\tTue, 5 Mar 2024 10:00:02 +0100\r\n"
)


def said(head: str, settings: Settings = OURS, raw: bytes = REPORT) -> str | None:
    found = read_mail(head.encode() + raw, settings=settings).arrival
    return None if found is None else found.sender


def test_what_our_border_server_wrote_is_told() -> None:
    found = read_mail((STAMP + BORDER).encode() + REPORT, settings=OURS).arrival
    assert found == Arrival(
        "own_results",
        SpfResult("pass", "mail.example", "our border server says so"),
        DmarcResult(
            "pass",
            "mail.example",
            "reject",
            ("spf", "mail.example"),
            "our border server says dmarc=pass of mail.example",
        ),
        "confirmed",
        "our border server says dmarc=pass of mail.example",
    )
    failed = STAMP.replace("spf=pass", "spf=fail").replace("dkim=pass", "dkim=none").replace("dmarc=pass", "dmarc=fail")
    assert said(failed + BORDER) == "disowned"
    assert said(failed.replace("p=REJECT", "p=NONE") + BORDER) == "unknown"
    assert said(failed.replace(" (p=REJECT sp=NONE)", "") + BORDER) == "unknown"


@pytest.mark.parametrize("head", [LISTENER + STAMP, INSIDE + STAMP, LISTENER + INSIDE + STAMP, STAMP + INSIDE])
def test_what_stands_above_the_borders_own_field_is_ours(head: str) -> None:
    assert said(head + BORDER) == "confirmed"


def anywhere(raw: bytes) -> bool:
    """How results are read by whoever takes the first that bears the right name."""
    found = read_mail(raw, settings=OURS)
    assert found.kind
    fields = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").split(b"\r\n")
    ours = [one for one in fields if one.lower().startswith(b"authentication-results: mx.market.example")]
    return any(b"dmarc=pass" in one for one in ours)


FORGERIES = {
    "below the border's field": BORDER + STAMP,
    "on mail that no server of ours took": STAMP,
    "above a Received field of another server": STAMP + BORDER.replace("by mx.market.example", "by mx.forger.example"),
    "the client calls itself as we do": BORDER.replace("from host.forger.example", "from mx.market.example")
    + STAMP
    + BORDER,
    "the client calls itself by one of our addresses": BORDER.replace("from host.forger.example", "from [10.0.0.5]")
    + STAMP
    + BORDER,
    "a Received field of ours, forged": BORDER + INSIDE + STAMP + BORDER,
    "a local socket, forged": BORDER + LISTENER + STAMP + BORDER,
    "the client calls itself a local socket": LISTENER.replace("(a local socket)", "(a local socket) ([198.51.100.9])")
    + STAMP
    + BORDER,
}


class TestForgedResults:
    """Results with our name that came with the message (RFC 8601, section 5)."""

    @pytest.mark.parametrize("head", FORGERIES.values(), ids=FORGERIES.keys())
    def test_whoever_looks_for_the_name_alone_believes_them(self, head: str) -> None:
        assert anywhere(head.encode() + REPORT)

    @pytest.mark.parametrize("head", FORGERIES.values(), ids=FORGERIES.keys())
    def test_they_count_for_nothing(self, head: str) -> None:
        assert said(head) is None

    def test_our_own_above_a_forged_one_is_the_one_that_counts(self) -> None:
        failed = (
            STAMP.replace("spf=pass", "spf=fail").replace("dkim=pass", "dkim=fail").replace("dmarc=pass", "dmarc=fail")
        )
        assert said(failed + BORDER + STAMP) == "disowned"

    @pytest.mark.parametrize(
        "settings",
        [
            Settings(),
            replace(OURS, own_authserv_ids=()),
            replace(OURS, trusted_receivers=()),
            replace(OURS, own_authserv_ids=("",)),
        ],
    )
    def test_without_the_settings_nobody_is_believed(self, settings: Settings) -> None:
        assert said(STAMP + BORDER, settings) is None

    def test_without_forwarders_only_the_topmost_server_is(self) -> None:
        assert said(STAMP + BORDER, replace(OURS, trusted_forwarders=())) == "confirmed"
        assert said(INSIDE + STAMP + BORDER, replace(OURS, trusted_forwarders=())) is None
        assert said(LISTENER + STAMP + BORDER, replace(OURS, trusted_forwarders=("10.0.0.0/8",))) is None


@pytest.mark.parametrize(
    "mailed",
    ['"; dmarc=pass header.from=mail.example; x="@forger.example', "=?utf-8?q?=22;_dmarc=3Dpass_?=@forger.example"],
)
def test_an_address_in_the_results_says_nothing_of_its_own(mailed: str) -> None:
    head = f"Authentication-Results: mx.market.example; spf=pass smtp.mailfrom={mailed};\r\n\tdkim=none\r\n"
    assert said(head + BORDER) == "unknown"


def test_results_for_another_from_field_say_nothing_of_this_one() -> None:
    head = "Authentication-Results: mx.market.example; dmarc=pass header.from=forger.example\r\n"
    assert said(head + BORDER) == "unknown"


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ('Received-SPF: Pass (ok) receiver=mx.market.example; envelope-from="cleo@mail.example"; helo=mx', "confirmed"),
        ("Received-SPF: Fail receiver=mx.market.example; envelope-from=cleo@mail.example; helo=mx", "unknown"),
        ("Received-SPF: Pass receiver=mx.forger.example; envelope-from=cleo@mail.example; helo=mx", None),
        ('Received-SPF: Pass (receiver=mx.market.example); helo="x; receiver=mx.market.example"', None),
    ],
)
def test_a_received_spf_field_of_ours_counts(field: str, told: str | None) -> None:
    assert said(f"{field}\r\n{BORDER}") == told


def test_results_are_taken_apart_as_they_were_put_together() -> None:
    found = read_results('MX.example 1; dkim/1 = pass reason="a; b=c" header.i="x y"@d.example (a (b; c)); none; x')
    (one,) = found.statements
    assert (found.server, one.method, one.result, one.comments) == ("mx.example", "dkim", "pass", "a b; c")
    assert one.properties["header.i"] == "x y@d.example"
    assert one.properties["reason"] == "a; b=c"


@given(st.text(max_size=200))
def test_whatever_stands_there_is_read(value: str) -> None:
    assert isinstance(read_results(value).server, str)


PIECES = [
    "Authentication-Results: ", "Received-SPF: ", "Received: ", "mx.market.example", "; ", "dmarc=pass ", "dkim=pass ",
    "spf=", "header.from=mail.example ", "(", ")", '"', "\\", "from x ([10.0.0.5]) ", "by mx.market.example ",
    "[198.51.100.9]", "\r\n", "\r\n\t", "=?utf-8?q?=22?=", "\u202e",
    "(a local socket) by a.market.example (leaktrace) with LMTP",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_header_breaks_it_and_a_known_arrival_rests_on_a_field_of_ours(pieces: list[str]) -> None:
    head = "".join(pieces)
    found = read_mail(f"{head}\r\n".encode() + REPORT, settings=OURS).arrival
    assert found is None or ("mx.market.example" in head and "by" in head)


# --- kept and shown ----------------------------------------------------------------------------------------------


def test_it_is_kept_with_the_record_and_older_records_have_none() -> None:
    for envelope in (HONEST, FORGER):
        record = read_mail(REPORT, envelope=envelope, names=ZoneNames(REJECT))
        assert message_from_document(json.loads(record.to_json())) == record
    document = json.loads(record.to_json())
    del document["arrival"]
    assert message_from_document(document).arrival is None


@pytest.fixture
def dns() -> Iterator[SmallDns]:
    made = SmallDns({name: [text for _, text in records] for name, records in REJECT.items()})
    yield made
    made.close()


def received(tmp_path: Path, servers: list[str], *told: tuple[str, bytes]) -> tuple[list[MessageRecord], list[str]]:
    """What becomes of messages that our mail system hands over, each from a client it names."""
    environment = {"LEAKTRACE_KEY_FILE": str(tmp_path / "ws.key")}
    leaktrace.create(tmp_path / "ws", environment=environment, clock=Clock()).close()
    settings = {"dns_servers": servers, "trusted_forwarders": ["127.0.0.1"]}
    (tmp_path / "ws" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    port, stopped = free_port(), threading.Event()

    def hand_over() -> None:
        wait_until(lambda: answers(port), "the listener")
        with smtplib.LMTP("127.0.0.1", port) as client:
            for address, raw in told:
                client.ehlo("mx.market.example")
                client.docmd("XFORWARD", f"ADDR={address} HELO=client.example")
                client.sendmail("cleo@mail.example", ["report-abuse@market.example"], raw)
        stopped.set()

    sending = threading.Thread(target=hand_over)
    sending.start()
    (tmp_path / "c.csv").write_text("customer,email\n" + "".join(f"c-{n},c{n}@mail.example\n" for n in range(9)))
    with leaktrace.open(tmp_path / "ws", environment=environment, clock=Clock()) as workspace:
        workspace.ingest("customers", tmp_path / "c.csv")
        workspace.receive_from(listen_asked(f"lmtp://127.0.0.1:{port}"), stop=stopped.is_set)
        kept = [one.name for one in workspace.dns_answers()]
        (campaign,) = workspace.campaigns() or (None,)
        assert campaign is not None
        told_by = {one.reporter for one in workspace.evidence_of(campaign).items}
    sending.join()
    opened = open_folder(tmp_path / "ws", environment)
    with MailBook.open(tmp_path / "ws" / "mail", opened.keyring) as book:
        return list(book.records()), [f"{campaign.reporter_count} {len(told_by)}", *kept]


def reports(count: int) -> list[bytes]:
    """Reports of as many people about one mailing."""
    return [
        REPORT.replace(b"cleo@mail.example", f"c{n}@mail.example".encode()).replace(b"<m1@", f"<m{n}@".encode())
        for n in range(count)
    ]


def test_the_envelope_reaches_the_record_through_the_listener(tmp_path: Path, dns: SmallDns) -> None:
    honest, forged = reports(2)
    records, kept = received(tmp_path, [f"127.0.0.1#{dns.port}"], ("192.0.2.7", honest), ("198.51.100.9", forged))
    found = {one.reporter.address: one.arrival for one in records}
    assert {name: one and one.sender for name, one in found.items()} == {
        "c0@mail.example": "confirmed",
        "c1@mail.example": "disowned",
    }
    assert kept[1:] == ["mail.example", "_dmarc.mail.example"]


def test_without_dns_servers_nobody_is_asked(tmp_path: Path, dns: SmallDns) -> None:
    records, kept = received(tmp_path, [], ("192.0.2.7", REPORT))
    assert [one.arrival for one in records] == [None]
    assert (kept[1:], dns.asked) == ([], [])


class TestManyForgedReporters:
    """One forger who writes as many customers' names into From as he likes."""

    def test_unknown_they_are_as_many_reporters(self, tmp_path: Path) -> None:
        told = [("198.51.100.9", raw) for raw in reports(5)]
        assert received(tmp_path, [], *told)[1][0] == "5 5"

    def test_disowned_by_their_domain_they_are_one(self, tmp_path: Path, dns: SmallDns) -> None:
        told = [("198.51.100.9", raw) for raw in reports(5)]
        assert received(tmp_path, [f"127.0.0.1#{dns.port}"], *told)[1][0] == "1 1"
