"""What a hostile bundle makes verify.py do: bounded time, and a verdict instead of a traceback."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from leaktrace.caserecords import APPROVAL_PAYLOAD_TYPE
from leaktrace.response.bundle.verifier import verify
from tests.growth import assert_grows_with_size
from tests.response.made_cases import CASE, START, envelope, private_key, public_bytes, sign_as

AT = "2026-03-02T08:00:00Z"


class HeldBag(verify.Bag):
    """A bundle in memory: writing thousands of files takes longer than judging them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self.sizes = {name: len(content) for name, content in files.items()}

    def read(self, name: str, number: int, ceiling_bytes: int = verify.MAX_READ_BYTES) -> bytes:
        verify.need(name in self._files, number, f"{name} is missing")
        verify.need(self.sizes[name] <= ceiling_bytes, number, f"{name} is too big")
        return self._files[name]

    def digest(self, name: str) -> str:
        return hashlib.sha256(self._files[name]).hexdigest()


def event(kind: str, case: str, **happened: object) -> dict[str, Any]:
    return {"kind": kind, "case": case, "event": happened}


def hand_over(exhibits: dict[str, str]) -> bytes:
    record = {"case": CASE, "exhibits": exhibits, "recipient": "police", "withheld": {}}
    return verify.canonical({**record, "schema": "leaktrace.handover/1"})


@pytest.mark.parametrize("exhibit", [[], {}, 1, None])
def test_a_finding_without_the_id_of_an_exhibit_is_wrong(exhibit: object) -> None:
    bag = HeldBag({"data/handover.json": hand_over({}), "data/finding.json": b"{}"})
    with pytest.raises(verify.WrongError, match="event 0 has no exhibit"):
        verify.check_exhibits(bag, CASE, {0: event("FindingAttached", CASE, exhibit=exhibit)}, [], b"")


def path_of(index: int, levels: list[list[bytes]]) -> list[str]:
    hashes = []
    for row in levels[:-1]:
        if index ^ 1 < len(row):
            hashes.append(base64.b64encode(row[index ^ 1]).decode())
        index >>= 1
    return hashes


def exhibits_of(count: int) -> Callable[[], None]:
    leaves = [b"%d" % index for index in range(count)]
    levels, digest = verify.tree(leaves), hashlib.sha256(b"x").hexdigest()
    ids = [f"E-{index:04}" for index in range(count)]
    files = {"data/handover.json": hand_over(dict.fromkeys(ids, digest)), "data/log/checkpoint": b"c"}
    for index, exhibit in enumerate(ids):
        proof = "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *path_of(index, levels)]) + "\n\nc"
        files |= {f"data/exhibits/{exhibit}.eml": b"x", f"data/proofs/{exhibit}.tlog-proof": proof.encode()}
    events = {
        index: event("ExhibitStored", CASE, exhibit=exhibit, sha256=digest, size_bytes=1)
        for index, exhibit in enumerate(ids)
    }

    def check() -> None:
        assert verify.check_exhibits(HeldBag(files), CASE, events, leaves, levels[-1][0]) == []

    return check


def approval(
    event_count: object = 1,
    last_commitment: object = "0" * 64,
    request: str = "A-0001",
    signers: tuple[str, str] = ("asks", "approves"),
    reason: str = "",
) -> bytes:
    """Signed by the two who are enrolled first; it names the first event of the case."""
    statement = {
        "action": "hand_over",
        "case": CASE,
        "case_head": {"case": CASE, "event_count": event_count, "last_commitment": last_commitment},
        "expires_at": AT,
        "reason": reason,
        "request": request,
        "requested_at": AT,
        "requested_by": signers[0],
    }
    return envelope(verify.canonical(statement), signers, APPROVAL_PAYLOAD_TYPE)


APPROVAL = approval()
HINTS = [hashlib.sha256(public_bytes(name)).hexdigest()[:16].encode() for name in ("asks", "approves")]


def log_of(
    people_count: int, approval_count: int, content: bytes = APPROVAL
) -> tuple[HeldBag, dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """Two people who are changed again and again, then the same approval used again and again."""
    happened = [
        event("PersonChanged", "-", person=person, public_key=public_bytes(person).hex(), roles=["approver"])
        for person in ("asks", "approves") * (people_count // 2)
    ]
    used = event("ActionUsed", CASE, request="A-0001", envelope_sha256=hashlib.sha256(content).hexdigest())
    happened += [used] * approval_count
    entries = [{"at": AT, "case": one["case"], "kind": one["kind"], "commitment": "0" * 64} for one in happened]
    return HeldBag({"data/approvals/A-0001.json": content}), dict(enumerate(happened)), entries


def approvals_of(count: int) -> Callable[[], None]:
    bag, events, entries = log_of(count, count // 8)

    def check() -> None:
        assert len(verify.check_approvals(bag, CASE, events, entries)) == count // 8

    return check


def one_long_approval_of(count: int) -> Callable[[], None]:
    """Used again and again, and as long as that often."""
    bag, events, entries = log_of(2, count, approval(reason="x" * 80 * count))

    def check() -> None:
        assert len(verify.check_approvals(bag, CASE, events, entries)) == count

    return check


def log_of_many(count: int, *, hinted: bool = True) -> tuple[HeldBag, dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """Each of many people has a key of their own; every eighth one approves something of the one before."""
    people = [f"person {number}" for number in range(count)]
    happened = [
        event("PersonEnrolled", "-", person=one, public_key=public_bytes(one).hex(), roles=["approver"])
        for one in people
    ]
    files = {}
    for number in range(1, count, 8):
        request = f"A-{number:04}"
        content = approval(request=request, signers=(people[number - 1], people[number]))
        if not hinted:
            content = re.sub(rb'"keyid":"[0-9a-f]+"', b'"keyid":""', content)
        files[f"data/approvals/{request}.json"] = content
        digest = hashlib.sha256(content).hexdigest()
        happened.append(event("ActionUsed", CASE, request=request, envelope_sha256=digest))
    entries = [{"at": AT, "case": one["case"], "kind": one["kind"], "commitment": "0" * 64} for one in happened]
    return HeldBag(files), dict(enumerate(happened)), entries


def approvals_by_many(count: int) -> Callable[[], None]:
    bag, events, entries = log_of_many(count)

    def check() -> None:
        assert len(verify.check_approvals(bag, CASE, events, entries)) == len(bag.sizes)

    return check


@pytest.mark.parametrize("checked", [exhibits_of, approvals_of, one_long_approval_of, approvals_by_many])
def test_time_grows_no_faster_than_the_bundle(checked: Callable[[int], Callable[[], None]]) -> None:
    assert_grows_with_size(checked, lambda check: check(), 1000)


def test_a_signature_that_does_not_say_whose_it_is_counts_while_trying_takes_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bag, events, entries = log_of_many(20, hinted=False)
    assert len(verify.check_approvals(bag, CASE, events, entries)) == 3
    monkeypatch.setattr(verify, "MAX_TRIED", 50)
    with pytest.raises(verify.WrongError, match="too many signatures"):
        verify.check_approvals(bag, CASE, events, entries)


def test_whose_a_signature_says_it_is_decides_nothing() -> None:
    """The attack: one person signs twice, once in another's name."""
    swapped = APPROVAL.replace(b'"keyid":"%s' % HINTS[0], b'"keyid":"%s' % HINTS[1])
    assert swapped.count(HINTS[1]) == 2
    bag, events, entries = log_of(2, 1, swapped)
    assert len(verify.check_approvals(bag, CASE, events, entries)) == 1
    alone = re.sub(rb'"keyid":"%s"' % HINTS[0], b'"keyid":"%s"' % HINTS[1], approval(signers=("asks", "asks")), count=1)
    bag, events, entries = log_of(2, 1, alone)
    with pytest.raises(verify.WrongError, match="one person alone"):
        verify.check_approvals(bag, CASE, events, entries)


def test_an_approval_longer_than_any_is_not_read() -> None:
    bag, events, entries = log_of(2, 1, approval(reason="x" * verify.MAX_APPROVAL_BYTES))
    with pytest.raises(verify.WrongError, match="too big"):
        verify.check_approvals(bag, CASE, events, entries)


def test_a_manifest_is_read_line_by_line_up_to_a_ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(verify.MAX_LINES_BYTES + 1)  # of no size on the disk
    with pytest.raises(verify.WrongError, match="endless is too big"):
        list(verify.Bag(tmp_path).lines("endless", 3))
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(verify.MAX_READ_BYTES)
    with pytest.raises(verify.WrongError, match="a line that is too long"):
        list(verify.Bag(tmp_path).lines("endless", 3))
    (tmp_path / "endless").write_bytes(b"0" * 64 + b"  a\n" + b"0" * 64 + b"  b\n")
    monkeypatch.setattr(verify, "MAX_FILES", 1)
    with pytest.raises(verify.WrongError, match="lists too many files"):
        verify.check_manifest(verify.Bag(tmp_path), "endless", [], 3)


def test_nothing_that_is_said_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    verify.say("person \x1b[2K\rOK", "\u202eKO é")
    assert capsys.readouterr().out == "person \\u001b[2K\\u000dOK\n\\u202eKO é\n"


def test_a_terminal_without_the_letter_gets_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    verify.say("zoë")
    shown.flush()
    assert shown.buffer.getvalue() == b"zo\\xeb\n"


def test_who_is_enrolled_after_the_approval_does_not_count_for_it() -> None:
    bag, events, entries = log_of(2, 1)
    assert len(verify.check_approvals(bag, CASE, events, entries)) == 1
    late = {0: events[0], 1: events[2], 2: events[1]}
    with pytest.raises(verify.WrongError, match="nobody enrolled"):
        verify.check_approvals(bag, CASE, late, [entries[0], entries[2], entries[1]])


def test_a_key_given_to_a_second_person_after_the_last_approval_is_wrong() -> None:
    bag, events, entries = log_of(2, 1)
    events[3] = event("PersonChanged", "-", person="somebody", public_key=public_bytes("asks").hex(), roles=[])
    with pytest.raises(verify.WrongError, match="second person"):
        verify.check_approvals(bag, CASE, events, [*entries, entries[0]])


@pytest.mark.parametrize(("count", "last"), [(9, None), ("1", ""), ([], ""), (True, "0" * 64), (1, None)])
def test_an_approval_names_an_event_that_is_there(count: object, last: object) -> None:
    """The attack: two people sign for a case that the log does not hold."""
    bag, events, entries = log_of(2, 1, approval(count, last))
    with pytest.raises(verify.WrongError, match="a case that this log does not hold"):
        verify.check_approvals(bag, CASE, events, entries)


def test_a_certificate_that_the_library_cannot_read_is_no_chain() -> None:
    """It says the same thing twice; the library finds out late, and in a way of its own."""
    key, name = private_key("authority"), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, START + timedelta(days=1))
    for last in (1, 2):
        oid = x509.ObjectIdentifier(f"1.2.3.4.{last}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, b""), critical=False)
    made = builder.sign(key, None)
    signed = made.tbs_certificate_bytes.replace(b"\x06\x04\x2a\x03\x04\x02", b"\x06\x04\x2a\x03\x04\x01")
    whole = made.public_bytes(Encoding.DER).replace(made.tbs_certificate_bytes, signed)
    changed = x509.load_der_x509_certificate(whole.replace(made.signature, sign_as("authority")(signed)))
    with pytest.raises(verify.WrongError, match="no chain of certificates"):
        verify.read_chain(changed.public_bytes(Encoding.PEM), "the chain")
