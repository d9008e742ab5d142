"""What comes back counts only with a token of ours; and what the company's directory says of an address."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import ResponseError, UsageError
from leaktrace.noticedesk.reports import BounceReport
from leaktrace.response.notices import NoBounce, NoticeBounce, NoticeTokens, open_directory, read_bounce
from leaktrace.response.notices.bounces import CEILING_BYTES
from leaktrace.response.notices.config import DirectoryConfig, config_of, read_config
from leaktrace.response.notices.mailaddress import ready
from tests.growth import assert_grows_with_size
from tests.response.fakes_notices import CASE, row
from tests.response.noticedesks import SECRET, document, make_desk
from tests.response.sink import Sink

TOKENS = NoticeTokens(SECRET)
DOMAIN = "basar.example"
NOTICE = TOKENS.notice_id(CASE, "1", "C-1")


def report(to: str, action: str = "failed", status: str = "5.1.1", *, extra: str = "", sender: str = "<>") -> bytes:
    """A delivery report as mail systems write it (RFC 3464)."""
    return f"""Return-Path: {sender}
From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
{extra}
--b
Content-Type: text/plain

It did not arrive.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000

Final-Recipient: rfc822; somebody@mail.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--b
Content-Type: text/rfc822-headers

Return-Path: <{to}>

--b--
""".replace("\n", "\r\n").encode()


def ours(notice: str = NOTICE) -> str:
    return TOKENS.return_path(notice, "bounces", DOMAIN)


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", "hard"),
        ("Failed", "4.4.7", "hard"),
        ("delayed", "4.4.1", "soft"),
        ("delivered", "2.1.5", "delivered"),
        ("relayed", "2.0.0", "delivered"),
    ],
)
def test_a_report_to_our_return_path_counts(action: str, status: str, kind: str) -> None:
    found = read_bounce(report(ours(), action, status), TOKENS, DOMAIN)
    assert isinstance(found, NoticeBounce)
    assert (found.notice, found.kind, found.action, found.status) == (NOTICE, kind, action.lower(), status)


def test_the_case_of_a_return_path_does_not_matter() -> None:
    assert isinstance(read_bounce(report(ours().upper()), TOKENS, DOMAIN), NoticeBounce)


def test_a_forged_report_does_not_count_although_all_else_is_right() -> None:
    """The attack: somebody who knows ids, from Message-IDs, wants people to be marked as unreachable."""
    id_in_message_id = TOKENS.message_id(NOTICE, DOMAIN).strip("<>").partition(".")[0]
    assert id_in_message_id == NOTICE, "the attacker knows the id"
    genuine = ours()
    without_guard = genuine.partition("+")[2].partition("-")[0]
    assert without_guard == NOTICE, "a program that read only the id would take the forged report"
    other = NoticeTokens(bytes(32)).return_path(NOTICE, "bounces", DOMAIN)
    stolen = ours(TOKENS.notice_id(CASE, "1", "C-2")).partition("-")[2]
    for forged in (other, f"bounces+{NOTICE}-{stolen}", f"bounces+{NOTICE}-{'a' * 16}@{DOMAIN}", f"bounces@{DOMAIN}"):
        assert read_bounce(report(forged), TOKENS, DOMAIN) == NoBounce("forged_or_foreign")
    assert read_bounce(report(ours().replace(DOMAIN, "evil.example")), TOKENS, DOMAIN) == NoBounce("forged_or_foreign")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"To: x",
        report(ours(), sender="<person@mail.example>"),
        report(ours(), action="exploded"),
        report(ours(), status="none"),
        report(ours()).replace(b"multipart/report", b"multipart/mixed"),
        report(ours()).replace(b"message/delivery-status", b"text/plain"),
        b"To: " + ours().encode() + b"\r\nSubject: Out of office\r\n\r\nI am away.",
    ],
)
def test_what_is_no_report_changes_nothing(raw: bytes) -> None:
    assert read_bounce(raw, TOKENS, DOMAIN) == NoBounce("no_delivery_report")


def test_a_report_inside_the_returned_mail_is_not_read() -> None:
    inner = report(ours()).decode()
    head = f"To: {ours()}\nContent-Type: multipart/report; boundary=o\n\n"
    outer = f"{head}--o\nContent-Type: message/rfc822\n\n{inner}\n--o--"
    assert read_bounce(outer.encode(), TOKENS, DOMAIN) == NoBounce("no_delivery_report")


def test_ceilings_hold() -> None:
    assert read_bounce(b"x" * (CEILING_BYTES + 1), TOKENS, DOMAIN) == NoBounce("too_large")
    many = b"".join(b"To: a%d@x.example\r\n" % n for n in range(9000)) + report(ours())
    assert isinstance(read_bounce(many, TOKENS, DOMAIN), NoBounce)


@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 400))
def test_whatever_strangers_write_is_survived(noise: bytes, at: int, cut: int) -> None:
    raw = report(ours())
    assert read_bounce(raw[:at] + noise + raw[at + cut :], TOKENS, DOMAIN) is not None
    assert read_bounce(noise, TOKENS, DOMAIN) is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"".join(b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        report(ours()).replace(b'boundary="b"', b"boundary*=b; boundary*1=b"),
        report(ours()).replace(b'boundary="b"', b"boundary*" + b"9" * 5000 + b"=b"),
        report("(" * 999),
    ],
)
def test_nothing_that_the_library_trips_over_gets_out(raw: bytes) -> None:
    assert isinstance(read_bounce(raw, TOKENS, DOMAIN), NoBounce)


def opened(depth: int, line: bytes, count: int) -> bytes:
    """A report whose parts are opened in one another and never closed."""
    levels = [b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)]
    return b"".join(levels) + line * count


def with_status(line: bytes, count: int) -> bytes:
    return report(ours()).replace(b"Reporting-MTA", line * count + b"\r\nReporting-MTA")


SHAPES: dict[str, Callable[[int], bytes]] = {
    "parameters": lambda n: b'Content-Type: multipart/report; x="' + b";" * (50 * n) + b"\n\n",
    "parts in parts": lambda n: opened(n // 50, b"\n", 50 * n),
    "parts": lambda n: opened(1, b"--b0\n\n", 20 * n),
    "almost boundaries": lambda n: opened(1, b"--b0 ", 20 * n),
    "recipients": lambda n: with_status(b"A: b\r\n\r\n", 10 * n),
    "header fields": lambda n: b"To: a@b.example\r\n" * (5 * n) + report(ours()),
    "folds": lambda n: b"To: a@b.example\r\n" + b" c\r\n" * (20 * n) + report(ours()),
    "bytes above 127": lambda n: b"To: " + b"\xff" * (100 * n) + b"\r\n" + report(ours()),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_time_grows_no_faster_than_the_report(shape: str) -> None:
    def read(raw: bytes) -> None:
        assert len(raw) <= CEILING_BYTES
        read_bounce(raw, TOKENS, DOMAIN)

    assert_grows_with_size(SHAPES[shape], read, 1000)


def test_a_hard_bounce_is_a_task_and_counts_once(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path / "ws", sink.port, tuple(row(f"c{n}") for n in range(4)))
        desk.desk.send(CASE, desk.ready())
    paths = {one.recipient: one.sender for one in sink.taken}
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "1.eml").write_bytes(report(paths["c0@mail.example"]))
    (inbox / "2.eml").write_bytes(report(paths["c1@mail.example"], "delayed", "4.4.1"))
    (inbox / "3.eml").write_bytes(report(f"bounces+{NOTICE}-{'a' * 16}@{DOMAIN}"))
    unknown = TOKENS.return_path(TOKENS.notice_id("other", "1", "C-1"), "bounces", DOMAIN)
    (inbox / "4.eml").write_bytes(report(unknown))
    box = b"".join(
        b"From MAILER-DAEMON Fri Nov 20 10:00:00 2026\n" + raw + b"\n" for raw in [report(paths["c0@mail.example"])]
    )
    (inbox / "5.mbox").write_bytes(box.replace(b"\r\n", b"\n"))
    first = desk.desk.bounces([inbox])
    assert first == BounceReport(5, hard_count=2, soft_count=1, forged_count=1, already_known_count=1)
    assert desk.desk.bounces([inbox]) == BounceReport(5, forged_count=1, already_known_count=4)
    status = desk.desk.status(CASE)
    assert (status.hard_bounce_count, status.soft_bounce_count, status.sums.accepted_count) == (1, 1, 4)
    left = desk.desk.left(CASE)
    assert [(one.person, one.reason) for one in left] == [(desk.cases.pseudonym(CASE, "c0"), "bounced 5.1.1")]
    with pytest.raises(UsageError, match="no file"):
        desk.desk.bounces([tmp_path / "nothing"])


# --- addresses ------------------------------------------------------------------------------------------------


@given(st.text(max_size=80))
def test_nothing_from_a_directory_gets_out_of_its_brackets(text: str) -> None:
    address, reason = ready(text, ())
    assert bool(address) == (reason is None)
    assert not set(' <>\r\n\t\x00"(),;:\\[]') & set(address)
    assert address.isascii()


def csv_file(folder: Path) -> DirectoryConfig:
    (folder / "d.csv").write_text("id,mail\nc1,a@x.example\nc2,b@x.example\nc2,other@x.example\nc3,\n", "utf-8")
    return DirectoryConfig("csv", folder / "d.csv", customer_column="id", address_column="mail")


def sqlite_file(folder: Path) -> DirectoryConfig:
    with sqlite3.connect(folder / "d.sqlite") as database:
        database.execute("CREATE TABLE users (id TEXT, mail TEXT)")
        database.executemany("INSERT INTO users VALUES (?, ?)", ROWS)
    database.close()
    query = "SELECT id, mail FROM users WHERE id IN (SELECT value FROM json_each($customers))"
    return DirectoryConfig("sqlite", folder / "d.sqlite", query)


def duckdb_file(folder: Path) -> DirectoryConfig:
    with duckdb.connect(folder / "d.duckdb") as database:
        database.execute("CREATE TABLE users (id TEXT, mail TEXT)")
        database.executemany("INSERT INTO users VALUES (?, ?)", ROWS)
    query = "SELECT id, mail FROM users WHERE id IN (SELECT unnest(from_json($customers, '[\"VARCHAR\"]')))"
    return DirectoryConfig("duckdb", folder / "d.duckdb", query)


def program(folder: Path) -> DirectoryConfig:
    (folder / "d.py").write_text(
        f"import json, sys\nasked = json.load(sys.stdin)\nfor row in {ROWS!r}:\n"
        "    if row[0] in asked:\n        print(','.join(row))\n",
        "utf-8",
    )
    return DirectoryConfig("command", command=(sys.executable, str(folder / "d.py")))


ROWS = [("c1", "a@x.example"), ("c2", "b@x.example"), ("c2", "other@x.example"), ("c3", ""), ("c9", "z@x.example")]


@pytest.mark.parametrize("make", [csv_file, sqlite_file, duckdb_file, program])
def test_every_directory_gives_the_same_answers(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    directory = open_directory(make(tmp_path), ["c1", "c2", "c3", "c4", "x'; DROP TABLE users; --"])
    # c2 has two addresses: nobody knows which is theirs.
    assert directory.addresses(["c1", "c2", "c3", "c4", "x'; DROP TABLE users; --"]) == {"c1": "a@x.example"}
    assert directory.addresses(["c1"]) == {"c1": "a@x.example"}


@pytest.mark.parametrize(
    "config",
    [
        DirectoryConfig("csv", Path("/nowhere/d.csv")),
        DirectoryConfig("sqlite", Path("/nowhere/d.db"), "SELECT 1, 2 WHERE 1 IN ($customers)"),
        DirectoryConfig("duckdb", Path("/nowhere/d.db"), "SELECT 1, 2 WHERE 1 IN ($customers)"),
        DirectoryConfig("command", command=("/nowhere/program",)),
        DirectoryConfig("command", command=(sys.executable, "-c", "import sys; sys.exit('somebody@x.example')")),
    ],
)
def test_a_directory_that_cannot_be_asked_says_so_without_an_address(config: DirectoryConfig) -> None:
    with pytest.raises(ResponseError, match="cannot be asked") as raised:
        open_directory(config, ["c1"]).addresses(["c1"])
    assert "x.example" not in str(raised.value)


def test_the_query_needs_its_parameter_and_the_file_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match="no parameter"):
        open_directory(DirectoryConfig("sqlite", tmp_path / "d", "SELECT * FROM users"), [])
    one_column = "SELECT value FROM json_each($customers)"
    sqlite3.connect(tmp_path / "d.sqlite").close()
    with pytest.raises(ResponseError, match="other columns than two"):
        open_directory(DirectoryConfig("sqlite", tmp_path / "d.sqlite", one_column), []).addresses(["c1"])
    (tmp_path / "d.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(ResponseError, match="no column customer"):
        open_directory(DirectoryConfig("csv", tmp_path / "d.csv"), [])


# --- notices.toml ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nonsense": {}}, "no table"),
        ({"from": {"name": "B", "address": "no"}}, "no mail address"),
        ({"from": {"name": "B\r\nBcc: x@y.example", "address": "a@b.example"}}, "line break"),
        ({"from": {"name": "B", "address": "a@b.example", "more": 1}}, "no more in"),
        ({"contact": {"page": "http://basar.example/"}}, "https"),
        ({"contact": {"page": "https://basar.example/login"}}, "sign-in"),
        ({"contact": {"page": "https://u@basar.example/"}}, "https"),
        ({"contact": {"page": "https://[basar.example/"}}, "https"),
        ({"relay": {"host": "h", "port": 0}}, "port"),
        ({"relay": {"host": "h", "tls": "maybe"}}, "one of"),
        ({"relay": {"host": "h", "tls": "none", "user": "u"}}, "in clear"),
        ({"bounces": {"mailbox": "a b"}}, "mailbox"),
        ({"dkim": {"selector": "..", "key_file": "k"}}, "selector"),
        ({"directory": {"kind": "ldap"}}, "one of"),
        ({"directory": {"kind": "sqlite", "path": "x"}}, "query"),
        ({"directory": {"kind": "sqlite", "path": "x", "query": 5}}, "query is no text"),
        ({"directory": {"kind": "csv", "path": "x", "customer_column": 1}}, "customer_column is no text"),
        ({"directory": {"kind": "command"}}, "command"),
        ({"sending": {"window": 0}}, "window"),
        ({"sending": {"rate_per_second": True}}, "rate_per_second"),
        ({"texts": {"default_language": "xx"}}, "one of"),
        ({"texts": {"consented_laws": ["atlantis"]}}, "one of"),
        ({"texts": {"consented_laws": 5}}, "consented_laws is a list"),
        ({"texts": {"folder": 5}}, "folder"),
        ({"sending": {"fsync_each": "no"}}, "fsync_each is true or false"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_named(change: dict[str, dict[str, object]], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        config_of({**document(25), **change}, Path())


def test_a_configuration_names_its_secrets_by_files_only_we_may_read(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n", "utf-8")
    relay = {"host": "h", "user": "u", "password_file": "password"}
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(ResponseError, match="Others may read password"):
        config_of({**document(25), "relay": relay}, tmp_path)
    (tmp_path / "password").chmod(0o600)
    config = config_of({**document(25), "relay": relay}, tmp_path)
    assert config.relay.password == "s3cret"  # noqa: S105
    assert "s3cret" not in repr(config)
    (tmp_path / "password").write_bytes(b"s3cret\xff")
    with pytest.raises(ResponseError, match="password is not UTF-8") as raised:
        config_of({**document(25), "relay": relay}, tmp_path)
    assert raised.value.__cause__ is None
    with pytest.raises(UsageError, match="There is no"):
        read_config(tmp_path / "notices.toml")
    for text in ("= 1", "a = " + "[" * 10_000):
        (tmp_path / "notices.toml").write_text(text, "utf-8")
        with pytest.raises(UsageError, match="cannot be read"):
            read_config(tmp_path / "notices.toml")
    assert json.dumps(document(25))
