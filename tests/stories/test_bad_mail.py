"""Bad mail: read within bounds, set aside with file, byte and reason, and never an end to the rest of the mailbox."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.desk import PROGRAM, Desk
from tests.stories.unharmed import refused, unharmed

MEGABYTE = 1024 * 1024
ENVELOPE = b"From kim@customer.example Thu Jan  2 03:04:05 2025\n"
PLAIN = b"From: kim@customer.example\nSubject: hello\nDate: Thu, 2 Jan 2025 03:04:05 +0000\n\nhello\n"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the installed program and what it took."""

    code: int
    document: Any
    err: str
    peak_bytes: int
    processor_seconds: float


WATCH = (
    "import json, resource, subprocess, sys; "
    "code = subprocess.run(sys.argv[2:]).returncode; "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "json.dump([code, used.ru_maxrss, used.ru_utime + used.ru_stime], open(sys.argv[1], 'w'))"
)
"""A process of few bytes in between: the peak that the kernel counts for a program includes that of its parent."""


def _measured(desk: Desk, folder: Path, *arguments: object) -> Ran:
    out, err, used = folder / "out.json", folder / "err.txt", folder / "used.json"
    command = [str(PROGRAM), "-w", str(desk.workspace), *map(str, arguments), "--json"]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        subprocess.run(
            [sys.executable, "-S", "-c", WATCH, used, *command],
            env=desk.environment(),
            stdout=stdout,
            stderr=stderr,
            check=True,
        )
    code, peak_kilobytes, seconds = json.loads(used.read_text(encoding="utf-8"))
    return Ran(
        code,
        json.loads(out.read_text(encoding="utf-8")),
        err.read_text(encoding="utf-8"),
        peak_kilobytes * 1024,
        seconds,
    )


def _rejects(document: dict[str, Any]) -> list[dict[str, Any]]:
    path = Path(document["rejects_file"])
    assert path.stat().st_mode & 0o777 == 0o600
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _huge_mailbox(path: Path, size_bytes: int) -> int:
    """An mbox of one message of that size, nearly all a hole in the file, between two small ones; where it starts."""
    before = ENVELOPE + PLAIN + b"\n" + ENVELOPE
    with path.open("wb") as stream:
        stream.write(before + b"From: lee@customer.example\nSubject: big\n\n")
        stream.seek(size_bytes, os.SEEK_CUR)
        stream.write(b"\n\n" + ENVELOPE + PLAIN.replace(b"hello", b"after") + b"\n")
    return len(before)


def test_a_message_of_200_megabytes_is_set_aside_within_bounded_memory(empty_desk: Desk, tmp_path: Path) -> None:
    small, huge = tmp_path / "small.mbox", tmp_path / "huge.mbox"
    small.write_bytes(ENVELOPE + PLAIN.replace(b"hello", b"small"))
    start = _huge_mailbox(huge, 200 * MEGABYTE)
    usual = _measured(empty_desk, tmp_path, "mail", small)
    ran = _measured(empty_desk, tmp_path, "mail", huge)
    assert usual.code == 0
    assert ran.code == 3
    assert ran.err == ""
    assert ran.document["message_count"] == 3
    assert ran.document["by_kind"] == {"other": 2, "unreadable": 1}
    assert ran.document["rejected_count"] == 1
    (aside,) = _rejects(ran.document)
    assert (aside["file"], aside["byte"]) == ("huge.mbox", start)
    assert "more than the 50000000 that are read" in aside["reason"]
    # One message up to the ceiling may be held, twice while it is put together; never the whole of it.
    assert ran.peak_bytes - usual.peak_bytes < 120 * MEGABYTE
    again = empty_desk.run("mail", huge, "--json")
    assert (again.code, again.document()["duplicate_count"]) == (0, 3)
    assert len(_rejects(ran.document)) == 1


def _too_deep() -> bytes:
    opened = b"".join(b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1) for n in range(3000))
    return b"Content-Type: multipart/mixed; boundary=b0\n\n" + opened + b"--b3000\n\nwords\n"


def _too_deep_messages() -> bytes:
    return b"Content-Type: message/rfc822\n\n" * 3000 + b"words\n"


def _too_many_parts() -> bytes:
    return (
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n\nx\n" * 50_000 + b"--b--\n"
    )


def _too_much_text() -> bytes:
    """Each part is small; what they decode to is not."""
    encoded = base64.b64encode(b"<p>&nbsp;</p>" * 40_000)
    part = b"--b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\n" + encoded + b"\n"
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 12 + b"--b--\n"


@pytest.mark.parametrize(
    ("bomb", "ceiling"),
    [(_too_deep, "32"), (_too_deep_messages, "32"), (_too_many_parts, "1000"), (_too_much_text, "4000000")],
)
def test_a_mime_bomb_is_set_aside_with_the_ceiling_as_reason(
    empty_desk: Desk, tmp_path: Path, bomb: Callable[[], bytes], ceiling: str
) -> None:
    head = b"From: kim@customer.example\nSubject: Fwd: offer\nMIME-Version: 1.0\n"
    (tmp_path / "bomb.eml").write_bytes(head + bomb())
    (tmp_path / "fine.eml").write_bytes(PLAIN)
    ran = _measured(empty_desk, tmp_path, "mail", tmp_path / "bomb.eml", tmp_path / "fine.eml")
    assert "Traceback" not in ran.err
    assert ran.code == 3
    assert ran.document["by_kind"] == {"other": 1, "unreadable": 1}
    (aside,) = _rejects(ran.document)
    assert aside["file"] == "bomb.eml"
    assert ceiling in aside["reason"]
    assert ran.processor_seconds < 15
    assert ran.peak_bytes < 600 * MEGABYTE


@pytest.mark.parametrize("name", ["empty.mbox", "empty.eml", "folder", "Maildir"])
def test_an_empty_mailbox_counts_nothing_and_is_no_error(empty_desk: Desk, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if "." in name:
        path.touch()
    else:
        path.mkdir()
        for part in ("cur", "new", "tmp") if name == "Maildir" else ():
            (path / part).mkdir()
    report = empty_desk.json("mail", path)
    assert {name: count for name, count in report.items() if name.endswith("_count")} == dict.fromkeys(
        ("message_count", "report_count", "duplicate_count", "unmatched_count", "rejected_count", "resent_count"), 0
    )
    assert report["by_kind"] == {}
    assert empty_desk.json("campaigns") == []
    assert empty_desk.json("mail", "--inspect", path) == []
    assert empty_desk.run("campaigns").code == 0


@pytest.mark.parametrize("name", ["empty.mbox", "folder", "Maildir"])
def test_whoever_typed_a_wrong_path_is_told_that_nothing_is_in_it(empty_desk: Desk, tmp_path: Path, name: str) -> None:
    (tmp_path / "fine.eml").write_bytes(PLAIN)
    (tmp_path / "empty.mbox").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").write_bytes(PLAIN)
    for part in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    path, kind = tmp_path / name, {"empty.mbox": "file", "folder": "folder"}.get(name, name)
    sentence = f"There is no message in the {kind} {path}. If the mail is elsewhere, name that: mbox files"
    for flags in ((), ("--json",), ("--inspect",), ("--inspect", "--json")):
        answer = empty_desk.run("mail", tmp_path / "fine.eml", path, *flags)
        assert answer.code == 0
        assert sentence in answer.err
        assert answer.err.count("There is no message") == 1
    told = empty_desk.json("mail", tmp_path / "fine.eml", path)["notes"]
    assert [one.startswith(sentence) for one in told] == [True]


@pytest.mark.parametrize("table", ["accesses", "evidence"])
def test_a_folder_without_tables_is_named(empty_desk: Desk, tmp_path: Path, table: str) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / ".hidden.csv").touch()
    sentence = f"There is no file in the folder {folder} (hidden ones are not read)"
    for flags in ((), ("--preview",)):
        screen = empty_desk.run("ingest", table, folder, *flags)
        assert screen.code == 0
        assert sentence in screen.out
        told = empty_desk.run("ingest", table, folder, *flags, "--json")
        assert told.code == 0
        assert sentence in told.document()["notes"][0]
        assert sentence in told.err


def test_bytes_that_are_no_mail_are_set_aside_once(empty_desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "kim@customer.example.eml").write_bytes(bytes(range(256)) * 10)
    first = empty_desk.run("mail", folder, "--json")
    assert first.code == 3
    report = first.document()
    assert (report["message_count"], report["rejected_count"]) == (1, 1)
    (aside,) = _rejects(report)
    # The name of the file was a customer's address.
    assert "kim" not in aside["file"]
    assert aside["byte"] == 0
    assert len(aside["sha256"]) == 64
    again = empty_desk.run("mail", folder, "--json")
    assert again.code == 0
    assert again.document()["rejects_file"] is None
    assert len(_rejects(report)) == 1


def _complaint(reporter: str, number: int) -> bytes:
    original = (
        f"From: Deals <deals@shop.example>\nTo: {reporter}\nSubject: Sale of the week\n"
        f"Date: Thu, 2 Jan 2025 03:04:05 +0000\nMessage-ID: <sale-{number}@shop.example>\n\nBuy now, cheap.\n"
    )
    return (
        f"From: {reporter}\nTo: report-abuse@market.example\nSubject: Fwd: Sale\n"
        f"Date: Fri, 3 Jan 2025 03:04:05 +0000\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    ).encode()


def test_mail_of_nobody_we_know_is_counted_and_its_campaign_cannot_be_traced_to_anybody(
    desk: Desk, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.eml").write_bytes(_complaint(f"stranger{number}@nowhere.example", number))
    answer = desk.run("mail", *sorted(tmp_path.glob("*.eml")), "--json")
    assert answer.code == 0
    report = answer.document()
    assert (report["report_count"], report["unmatched_count"], report["rejected_count"]) == (3, 3, 0)
    (campaign,) = [one for one in desk.json("campaigns") if one["report_count"] == 3 and not one["customer_count"]]
    finding = desk.json("trace", campaign["campaign"])
    assert finding["outcome"] == "undecided"
    assert finding["named"] == []
    assert finding["evidence"]["customer_count"] == 0


def test_customers_who_come_after_their_mail_are_matched(empty_desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(_complaint("kim@customer.example", 1))
    assert empty_desk.json("mail", tmp_path / "1.eml")["unmatched_count"] == 1
    assert empty_desk.json("campaigns")[0]["customer_count"] == 0
    customers = tmp_path / "customers.csv"
    customers.write_text("customer,email\n7,Kim@Customer.example\n", encoding="utf-8")
    empty_desk.json("ingest", "customers", customers)
    assert empty_desk.json("campaigns")[0]["customer_count"] == 1


def test_a_complaint_sent_again_is_told_as_that_and_is_evidence_once(empty_desk: Desk, tmp_path: Path) -> None:
    first, again = (
        b"Message-ID: <" + mark + b"@customer.example>\n" + _complaint("kim@customer.example", 1)
        for mark in (b"1", b"2")
    )
    (tmp_path / "1.eml").write_bytes(first)
    (tmp_path / "2.eml").write_bytes(again)
    (tmp_path / "3.eml").write_bytes(first.replace(b"\n", b"\r\n"))
    answer = empty_desk.run("mail", tmp_path / "1.eml", tmp_path / "2.eml", tmp_path / "3.eml")
    rows = dict(line.rsplit(maxsplit=1) for line in answer.out.strip().splitlines() if "  " in line)
    told = {name.strip(): count for name, count in rows.items()}
    assert (told["Messages read"], told["Reports recovered"]) == ("3", "1")
    assert (told["Read before"], told["Complaints sent again"]) == ("1", "1")
    assert [one["report_count"] for one in empty_desk.json("campaigns")] == [1]
    # From now on both are messages that were here before.
    later = empty_desk.json("mail", *sorted(tmp_path.glob("*.eml")))
    assert (later["message_count"], later["duplicate_count"], later["resent_count"]) == (3, 3, 0)


@pytest.mark.parametrize("inspect", [False, True])
def test_a_missing_mailbox_is_named(desk: Desk, tmp_path: Path, inspect: bool) -> None:
    missing = tmp_path / "nowhere.mbox"
    flags = ["--inspect"] if inspect else []
    with unharmed(desk):
        refused(desk.run("mail", missing, *flags, "--json"), f"There is no file or folder {missing}")


@pytest.mark.parametrize(("content", "words"), [(b"a b c\n", "line 1 has no TAB"), (b"\xff", "cannot be read as text")])
def test_bad_dns_keys_are_named(empty_desk: Desk, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "keys.txt").write_bytes(content)
    (tmp_path / "1.eml").write_bytes(PLAIN)
    arguments = ("mail", "--inspect", tmp_path / "1.eml", "--dns-keys", tmp_path / "keys.txt", "--json")
    refused(empty_desk.run(*arguments), str(tmp_path / "keys.txt"), words)


def test_reports_of_an_interrupted_receive_are_grouped_later(empty_desk: Desk, tmp_path: Path) -> None:
    mailbox = tmp_path / "many.mbox"
    mails = [ENVELOPE + _complaint(f"c{number}@customer.example", number) + b"\n" for number in range(250)]
    mailbox.write_bytes(b"".join(mails))
    # The second path fails when the first batch of 200 is in the book and not grouped yet.
    refused(empty_desk.run("mail", mailbox, tmp_path / "nowhere", "--json"), "nowhere")
    assert [one["report_count"] for one in empty_desk.json("campaigns")] == [200]
    report = empty_desk.json("mail", mailbox)
    assert (report["report_count"], report["duplicate_count"]) == (50, 200)
    assert [one["report_count"] for one in empty_desk.json("campaigns")] == [250]


def test_a_file_that_is_no_mail_is_told_as_none(empty_desk: Desk, tmp_path: Path) -> None:
    table = tmp_path / "customers.parquet"
    table.write_bytes(b"PAR1" + bytes(range(256)) * 4 + b"PAR1")
    ran = empty_desk.run("mail", table)
    assert ran.code == 3
    assert "None of this could be read as mail" in ran.err
