"""Public mail that nobody here wrote, with the figures reached."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from leaktrace.mailroom.mime import read_message, walk
from leaktrace.mailroom.read import read_mail
from leaktrace.records import MessageRecord
from leaktrace.settings import Settings

CORPORA = Path(os.environ.get("LEAKTRACE_CORPORA", Path(__file__).parents[2] / ".." / "shared" / "corpora"))

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not CORPORA.is_dir(), reason="no public corpora: LEAKTRACE_CORPORA names no folder"),
]


def files(folder: str, pattern: str) -> list[Path]:
    found = sorted((CORPORA / folder).rglob(pattern))
    assert found, folder
    return found


def forwards() -> list[tuple[str, dict[str, Any], bytes, MessageRecord]]:
    """Name, expectation, message (body wrapped with its subject) and record of each."""
    expected = json.loads((CORPORA / "forwards" / "expected.json").read_text(encoding="utf-8"))
    read = []
    for name, one in expected.items():
        subject = (one["subject_line"] or "hello").strip()
        raw = (
            f"From: Cleo <cleo@mail.example>\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        ).encode() + (CORPORA / "forwards" / name).read_bytes()
        read.append((name, one, raw, read_mail(raw)))
    return read


def test_forwards_of_twelve_clients_in_22_languages() -> None:
    wrong: Counter[str] = Counter()
    false, count = [], 0
    for name, one, _, record in forwards():
        if not one["forwarded"]:
            false += [name] if record.kind == "report" else []
            continue
        count += 1
        found = record.originals[0] if record.originals else None
        got = {
            "sender": found and (found.sender.address, found.sender.name),
            "to": found and [(r.address, r.name) for r in found.recipients if r.role == "to"],
            "cc": found and [(r.address, r.name) for r in found.recipients if r.role == "cc"],
            "subject": found and found.subject,
            "date": found is not None and found.sent_between.start is not None,
        }
        want = {
            "sender": (one["from"]["address"], one["from"]["name"]),
            "to": [(r["address"], r["name"]) for r in one["to"]],
            "cc": [(r["address"], r["name"]) for r in one["cc"]],
            "subject": one["subject"],
            "date": one["date"] is not None,
        }
        wrong.update(field for field in want if got[field] != want[field])
    assert count == 79
    assert false == []
    assert wrong == Counter()


def test_spans_of_forwards_cover_what_was_read() -> None:
    for name, _, raw, record in forwards():
        for found in record.originals:
            for field, value in (("sender", found.sender.address), ("subject", found.subject)):
                start, end = found.spans[field]
                assert value is not None, name
                assert value.encode() in raw[start:end], (name, field)


def test_bounces_are_no_reports_and_feedback_is() -> None:
    kinds: Counter[str] = Counter()
    taken_wrongly = []
    for file in files("bounces", "*.eml"):
        record = read_mail(file.read_bytes())
        is_report = file.name.startswith("arf-") or file.name == "is-not-bounce-02.eml"
        if (record.kind == "report") != is_report:
            taken_wrongly.append(file.name)
        kinds[record.kind] += 1
    assert taken_wrongly == []
    assert kinds == Counter({"bounce": 321, "report": 7, "autoreply": 4, "other": 3})


def test_the_status_is_the_delivery_reports_own() -> None:
    count = 0
    for file in files("bounces", "*.eml"):
        raw = file.read_bytes()
        part = re.search(rb"(?ims)^content-type:\s*message/(?:global-)?delivery-status(.*)", raw)
        statuses = re.findall(rb"(?im)^status[ \t]*:[ \t]*(\d\.\d+\.\d+)", part.group(1)) if part else []
        if statuses:
            count += 1
            assert (read_mail(raw).status or "").encode() in statuses, file.name
    assert count > 150


def test_feedback_reports_name_sender_and_recipient() -> None:
    records = [read_mail(file.read_bytes()) for file in files("bounces/bsd", "arf-*.eml")]
    assert len(records) == 6
    assert all(record.originals[0].sender.address for record in records)
    assert sum(any(one.role == "rcpt" for one in record.originals[0].recipients) for record in records) >= 4


def test_torture_raises_nothing_and_children_are_slices() -> None:
    found = files("torture", "*.eml")
    assert len(found) == 59
    for file in found:
        raw = file.read_bytes()
        record = read_mail(raw)
        assert record.kind in ("report", "other", "complaint"), file
        for part in walk(read_message(raw, Settings()), into_messages=True):
            for child in part.children:
                inside = child.source is not part.source or part.body_start <= child.start <= child.end <= part.end
                assert inside, file
