"""The look-up log shows every change that can be made without the key, and loses nothing to a kill."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace import lookuplog
from leaktrace.errors import LookupLogError, UsageError
from leaktrace.keys import Keyring

KEYRING = Keyring(bytes(range(32)), "ws-test")
AT = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)


def fresh(folder: Path, count: int = 0) -> Path:
    path = folder / "lookups.ndjson"
    lookuplog.start(path, KEYRING)
    for number in range(count):
        add(path, number)
    return path


def add(path: Path, number: int) -> lookuplog.Appended:
    at = AT + timedelta(minutes=number)
    return lookuplog.append(
        path, KEYRING, at=at, who="dana", what="trace", subject=f"c-{number:08x}", why=f"ticket {number}"
    )


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_an_entry_says_who_when_what_why(tmp_path: Path) -> None:
    path = fresh(tmp_path, 2)
    entry = lookuplog.verify(path, KEYRING).entries[1]
    assert (entry.seq, entry.at, entry.who, entry.what) == (2, "2025-03-01T09:31:00Z", "dana", "trace")
    assert (entry.subject, entry.why) == ("c-00000001", "ticket 1")
    document = json.loads(lines(path)[1])
    assert set(document) == {"seq", "at", "who", "what", "subject", "why", "previous", "hash"}
    assert document["previous"] == json.loads(lines(path)[0])["hash"]


def test_the_hash_is_the_keyed_tag_of_the_canonical_rest(tmp_path: Path) -> None:
    document = json.loads(lines(fresh(tmp_path, 1))[0])
    tag = document.pop("hash")
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert tag == KEYRING.log_tag(b"leaktrace look-up entry\n" + canonical)
    assert tag != hashlib.sha256(canonical).hexdigest()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    fresh(tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"lookups.ndjson", "lookups.head", "lookups.lock"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_words_are_kept_as_they_are(tmp_path: Path, words: list[str]) -> None:
    folder = tmp_path / hashlib.sha256(repr(words).encode()).hexdigest()
    folder.mkdir(exist_ok=True)
    path = folder / "lookups.ndjson"
    if not path.exists():
        fresh(folder)
    before = len(lookuplog.verify(path, KEYRING).entries)
    for word in words:
        lookuplog.append(path, KEYRING, at=AT, who="x" + word, what=word, subject=word, why=word)
    entries = lookuplog.verify(path, KEYRING).entries[before:]
    assert [(entry.who, entry.what, entry.subject, entry.why) for entry in entries] == [
        ("x" + word, word, word, word) for word in words
    ]


def test_a_very_long_reason_and_a_surrogate_from_the_shell(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    for why in ("ü" * 50_000, "\udcff", "line\nbreak"):
        lookuplog.append(path, KEYRING, at=AT, who="dana", what="trace", subject="p1", why=why)
    assert [entry.why for entry in lookuplog.verify(path, KEYRING).entries] == ["ü" * 50_000, "\udcff", "line\nbreak"]


def test_times_are_utc_and_never_naive(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    tehran = datetime(2025, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=3, minutes=30)))
    done = lookuplog.append(path, KEYRING, at=tehran, who="dana", what="trace", subject="p1", why="")
    assert done.entry.at == "2025-03-01T09:30:00Z"
    naive = AT.replace(tzinfo=None)
    with pytest.raises(UsageError, match="no zone"):
        lookuplog.append(path, KEYRING, at=naive, who="dana", what="trace", subject="p1", why="")
    with pytest.raises(UsageError, match="without a user"):
        lookuplog.append(path, KEYRING, at=AT, who=" ", what="trace", subject="p1", why="")
    assert len(lookuplog.verify(path, KEYRING).entries) == 1


# --- changes --------------------------------------------------------------------------------------------


def relink(changed: list[bytes]) -> list[bytes]:
    """What somebody without the key would do: number and link the lines anew with plain SHA-256."""
    previous, out = lookuplog.NO_ENTRY, []
    for number, line in enumerate(changed, start=1):
        document = json.loads(line) | {"seq": number, "previous": previous}
        del document["hash"]
        previous = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        document["hash"] = previous
        out.append(json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return out


def naive_chain_holds(written: list[bytes]) -> bool:
    """An unkeyed hash chain's own check: the attack below passes it."""
    previous = lookuplog.NO_ENTRY
    for line in written:
        document = json.loads(line)
        tag = document.pop("hash")
        if (
            document["previous"] != previous
            or tag != hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        ):
            return False
        previous = tag
    return True


def test_a_chain_rewritten_without_the_key_passes_a_plain_chain_but_not_ours(tmp_path: Path) -> None:
    path = fresh(tmp_path, 5)
    forged = relink([line for number, line in enumerate(lines(path)) if number != 2])
    assert naive_chain_holds(forged)
    path.write_bytes(b"".join(forged))
    with pytest.raises(LookupLogError, match=r"Line 1 .* is not as it was written"):
        lookuplog.verify(path, KEYRING)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda old: [*old[:2], old[2].replace(b"dana", b"eric"), *old[3:]], "Line 3 .* not as it was written"),
        (lambda old: [*old[:2], *old[3:]], "Line 3 .* is entry 4; entry 3 belongs there"),
        (lambda old: [old[0], old[2], old[1], *old[3:]], "Line 2 .* is entry 3"),
        (lambda old: [old[0], old[0], *old[1:]], "Line 2 .* is entry 1"),
        (lambda old: [*old[:2], old[2].replace(b'"seq":3', b'"seq": 3'), *old[3:]], "Line 3 .* is not an entry"),
        (lambda old: [*old[:2], b"\n", *old[2:]], "Line 3 .* is not an entry"),
        (lambda old: [*old[:2], old[2][:20] + b"\n", *old[3:]], "Line 3 .* is not an entry"),
        (lambda old: [*old[:2], b"[1]\n", *old[3:]], "Line 3 .* is not an entry"),
        (lambda old: old[:3], "entry 5 had been written: line 4 and"),
        (lambda _: [], "entry 5 had been written: line 1 and"),
        (lambda old: [*old[:4], old[4][:-1]], "entry 5 had been written: line 5 and"),
    ],
)
def test_the_first_broken_line_is_named(tmp_path: Path, change: object, message: str) -> None:
    path = fresh(tmp_path, 5)
    assert callable(change)
    path.write_bytes(b"".join(change(lines(path))))
    with pytest.raises(LookupLogError, match=message):
        lookuplog.verify(path, KEYRING)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_passes(tmp_path: Path, where: int, flip: int) -> None:
    path = tmp_path / "lookups.ndjson"
    if not path.exists():
        fresh(tmp_path, 3)
        shutil.copy(path, tmp_path / "kept")
    content = bytearray((tmp_path / "kept").read_bytes())
    content[where % len(content)] ^= flip
    path.write_bytes(content)
    with pytest.raises(LookupLogError):
        lookuplog.verify(path, KEYRING)


def test_a_line_of_another_place_with_the_right_number_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = fresh(tmp_path / "a", 3), fresh(tmp_path / "b")
    for number in range(3):
        add(second, number + 7)
    mixed = [lines(first)[0], lines(second)[1], lines(first)[2]]
    first.write_bytes(b"".join(mixed))
    with pytest.raises(LookupLogError, match=r"Line 2 .* does not follow"):
        lookuplog.verify(first, KEYRING)


def test_another_key_and_a_forged_head_are_refused(tmp_path: Path) -> None:
    path = fresh(tmp_path, 3)
    with pytest.raises(LookupLogError, match="was not written with this workspace's key"):
        lookuplog.verify(path, Keyring(bytes(32), "ws-test"))
    # Without the key: cut the tail and copy the last entry's number and hash into the head.
    path.write_bytes(b"".join(lines(path)[:2]))
    entry = json.loads(lines(path)[1])
    head = tmp_path / "lookups.head"
    old = json.loads(head.read_bytes())
    head.write_text(json.dumps(old | {"seq": 2, "hash": entry["hash"]}))
    with pytest.raises(LookupLogError, match="was not written with this workspace's key"):
        lookuplog.verify(path, KEYRING)
    head.write_text("{}")
    with pytest.raises(LookupLogError, match="is not the head"):
        lookuplog.verify(path, KEYRING)


def test_a_missing_file_is_an_error_and_nothing_is_appended(tmp_path: Path) -> None:
    path = fresh(tmp_path, 3)
    content = path.read_bytes()
    head = (tmp_path / "lookups.head").read_bytes()
    path.unlink()
    for call in (lambda: lookuplog.verify(path, KEYRING), lambda: add(path, 9)):
        with pytest.raises(LookupLogError, match="is missing"):
            call()
    path.write_bytes(content)
    (tmp_path / "lookups.head").unlink()
    for call in (lambda: lookuplog.verify(path, KEYRING), lambda: add(path, 9)):
        with pytest.raises(LookupLogError, match="is missing"):
            call()
    assert path.read_bytes() == content
    (tmp_path / "lookups.head").write_bytes(head)
    assert add(path, 9).entry.seq == 4


def test_a_changed_end_takes_no_more_entries(tmp_path: Path) -> None:
    path = fresh(tmp_path, 3)
    whole = path.read_bytes()
    for broken in (b"".join(lines(path)[:2]), b"", whole.replace(b"ticket 2", b"ticket 3")):
        path.write_bytes(broken)
        with pytest.raises(LookupLogError):
            add(path, 9)
        assert path.read_bytes() == broken


def test_an_old_head_put_back_is_noticed(tmp_path: Path) -> None:
    path = fresh(tmp_path, 1)
    old = (tmp_path / "lookups.head").read_bytes()
    add(path, 1)
    add(path, 2)
    (tmp_path / "lookups.head").write_bytes(old)
    with pytest.raises(LookupLogError, match="not of this log"):
        lookuplog.verify(path, KEYRING)


def test_a_log_is_started_once(tmp_path: Path) -> None:
    path = fresh(tmp_path, 1)
    with pytest.raises(LookupLogError, match="already"):
        lookuplog.start(path, KEYRING)
    path.unlink()
    with pytest.raises(LookupLogError, match="already"):
        lookuplog.start(path, KEYRING)


def test_a_start_that_was_killed_can_be_done_again(tmp_path: Path) -> None:
    (tmp_path / "lookups.ndjson").write_bytes(b"")
    path = fresh(tmp_path, 1)
    assert len(lookuplog.verify(path, KEYRING).entries) == 1


# --- kills and full disks ---------------------------------------------------------------------------------


def test_a_half_written_line_is_told_and_cut_off_by_the_next_append(tmp_path: Path) -> None:
    path = fresh(tmp_path, 2)
    with path.open("ab") as stream:
        stream.write(b'{"at":"2025')
    assert lookuplog.verify(path, KEYRING).half_written_bytes == 11
    assert add(path, 5).repaired_bytes == 11
    verified = lookuplog.verify(path, KEYRING)
    assert [entry.seq for entry in verified.entries] == [1, 2, 3]
    assert verified.half_written_bytes == 0


def test_a_kill_between_the_line_and_the_head_loses_nothing(tmp_path: Path) -> None:
    path = fresh(tmp_path, 2)
    head = (tmp_path / "lookups.head").read_bytes()
    add(path, 2)
    (tmp_path / "lookups.head").write_bytes(head)
    verified = lookuplog.verify(path, KEYRING)
    assert verified.head_is_behind
    assert len(verified.entries) == 3
    assert add(path, 3).entry.seq == 4
    assert not lookuplog.verify(path, KEYRING).head_is_behind


SCRIPT = (
    "import sys\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
    "from leaktrace import lookuplog\nfrom leaktrace.keys import Keyring\n"
    "path, key = Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test')\n"
)


def test_killed_at_any_moment_every_answered_look_up_is_in_the_log(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    script = SCRIPT + (
        "while True:\n    done = lookuplog.append(path, key, at=datetime.now(UTC), who='dana', what='trace', "
        "subject='p1', why='w' * 9000)\n    print(done.entry.seq, flush=True)\n"
    )
    answered = 0
    for delay in (0.01, 0.03, 0.07):
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [int(process.stdout.readline())]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines()]
        process.stdout.close()
        process.wait()
        verified = lookuplog.verify(path, KEYRING)
        assert told == list(range(answered + 1, max(told) + 1))
        assert max(told) <= len(verified.entries) <= max(told) + 1
        answered = len(verified.entries)
    add(path, 1)
    assert len(lookuplog.verify(path, KEYRING).entries) == answered + 1


def test_where_nothing_can_be_written_the_look_up_is_refused(tmp_path: Path) -> None:
    path = fresh(tmp_path, 2)
    script = SCRIPT + (
        "import resource, signal\nfrom leaktrace.errors import LookupLogError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))\n"
        "try:\n    lookuplog.append(path, key, at=datetime.now(UTC), who='dana', what='trace', subject='p', "
        "why='w' * 9000)\nexcept LookupLogError as error:\n    print(error)\n"
    )
    before = path.read_bytes()
    assert len(before) < 1500
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be read or written" in done.stdout
    assert "free space" in done.stdout
    assert path.read_bytes() == before
    assert lookuplog.verify(path, KEYRING).half_written_bytes == 0


def test_a_head_that_cannot_be_written_leaves_nothing_aside(tmp_path: Path) -> None:
    path = fresh(tmp_path, 1)
    (tmp_path / "lookups.head.new").mkdir()
    with pytest.raises(LookupLogError, match="cannot be read or written"):
        add(path, 1)
    (tmp_path / "lookups.head.new").rmdir()
    assert add(path, 2).entry.seq == 3


def test_a_head_that_cannot_be_written_again_and_again_does_not_break_the_log(tmp_path: Path) -> None:
    """A full disk often takes a line, which fits into the last block of its file, and no new file for the head."""
    path = fresh(tmp_path, 1)
    (tmp_path / "lookups.head.new").mkdir()
    for number in (1, 2, 3):
        with pytest.raises(LookupLogError, match="cannot be read or written"):
            add(path, number)
    verified = lookuplog.verify(path, KEYRING)
    assert (len(verified.entries), verified.head_is_behind) == (2, True)
    (tmp_path / "lookups.head.new").rmdir()
    assert add(path, 4).entry.seq == 3
    assert not lookuplog.verify(path, KEYRING).head_is_behind


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give up its rights")
def test_a_read_only_copy_can_be_verified_but_not_appended_to() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = fresh(Path(name), 2)
        (Path(name) / "lookups.lock").unlink()
        for kept in Path(name).iterdir():
            kept.chmod(0o444)
        Path(name).chmod(0o555)
        os.seteuid(65534)
        try:
            assert len(lookuplog.verify(path, KEYRING).entries) == 2
            with pytest.raises(LookupLogError, match="cannot be read or written"):
                add(path, 3)
        finally:
            os.seteuid(0)


def test_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    script = SCRIPT + (
        "for n in range(15):\n    lookuplog.append(path, key, at=datetime.now(UTC), who=sys.argv[2], what='trace', "
        "subject='p1', why=str(n))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("dana", "eric")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    entries = lookuplog.verify(path, KEYRING).entries
    assert [entry.seq for entry in entries] == list(range(1, 31))
    for name in ("dana", "eric"):
        assert [entry.why for entry in entries if entry.who == name] == [str(n) for n in range(15)]


def test_no_address_is_written(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    given = {"at": AT, "who": "dana", "what": "trace", "subject": "c-1", "why": "ticket 1"}
    for wrong in (
        {"why": "asked by jo@example.org."},
        {"subject": "c-1 jo@example.org"},
        {"why": "jo\uff20example.org"},
    ):
        with pytest.raises(UsageError, match="e-mail address"):
            lookuplog.append(path, KEYRING, **{**given, **wrong})  # type: ignore[arg-type]
    assert path.read_bytes() == b""
    # Companies call their accounts so; whom a look-up was about must stay readable.
    lookuplog.append(path, KEYRING, **{**given, "subject": "jo@market.example"}, of_principal=True)  # type: ignore[arg-type]
    assert lookuplog.verify(path, KEYRING).entries[0].subject == "jo@market.example"
