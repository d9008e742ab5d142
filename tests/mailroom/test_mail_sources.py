"""Ways in: mbox files, Maildirs, single files, folders; what cannot be read says so."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.errors import MailError
from leaktrace.mailroom import iter_messages
from leaktrace.mailroom.sources import _Growing
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import message

ENVELOPE = b"From cleo@mail.example Tue Mar  5 10:00:00 2024\n"


def test_an_mbox_gives_its_messages_with_their_places(tmp_path: Path) -> None:
    first, second = message("one\n\nFrom here on it is text\n>From quoted\n"), message("two\n")
    content = ENVELOPE + first + b"\n" + ENVELOPE + second + b"\n"
    box = tmp_path / "abuse.mbox"
    box.write_bytes(content)
    found = list(iter_messages(box))
    assert [one.raw for one in found] == [first, second]
    assert [content[one.offset : one.offset + one.size_bytes] for one in found] == [first, second]
    assert [one.sha256 for one in found] == [hashlib.sha256(raw).hexdigest() for raw in (first, second)]
    assert {one.file for one in found} == {str(box)}


bodies = st.lists(
    st.lists(st.sampled_from(["a", "", "From home", ">From x", "words: and more"]), max_size=6).map("\n".join),
    max_size=4,
)


@settings(deadline=None)
@given(bodies)
def test_an_mbox_gives_back_what_was_put_in(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    raws = [f"From: a@b.example\n\n{text}\n".encode() for text in texts]
    box = tmp_path_factory.mktemp("box") / "x"
    box.write_bytes(b"".join(ENVELOPE + raw + b"\n" for raw in raws))
    assert [(one.raw or b"") for one in iter_messages([box])] == raws


def test_crlf_and_no_last_newline(tmp_path: Path) -> None:
    box = tmp_path / "x"
    envelope = ENVELOPE.replace(b"\n", b"\r\n")
    box.write_bytes(envelope + b"From: a\r\n\r\nx\r\n\r\n" + envelope + b"From: b\r\n\r\ny")
    assert [one.raw for one in iter_messages(box)] == [b"From: a\r\n\r\nx\r\n", b"From: b\r\n\r\ny"]


def test_single_files_folders_and_maildirs(tmp_path: Path) -> None:
    (tmp_path / "b.eml").write_bytes(message("b"))
    (tmp_path / "a.mbox").write_bytes(ENVELOPE + message("a"))
    (tmp_path / "empty.mbox").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"x")
    for name in ("cur", "new", "tmp"):
        (tmp_path / "maildir" / name).mkdir(parents=True)
        (tmp_path / "maildir" / name / "1:2,S").write_bytes(message(name))
    (tmp_path / "maildir" / "dovecot.index").write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    names = [Path(one.file).relative_to(tmp_path).as_posix() for one in iter_messages(str(tmp_path))]
    assert names == ["a.mbox", "b.eml", "maildir/cur/1:2,S", "maildir/new/1:2,S"]
    assert len(list(iter_messages([tmp_path / "b.eml", str(tmp_path / "a.mbox")]))) == 2
    assert list(iter_messages(tmp_path / "empty.mbox")) == []


def test_a_message_over_the_ceiling_is_marked_and_its_neighbours_are_not(tmp_path: Path) -> None:
    small = replace(Settings(), message_ceiling_bytes=10_000)
    big = message("x" * 70 + "\n") + b"y" * 5_000_000 + b"\n"
    box = tmp_path / "x"
    box.write_bytes(ENVELOPE + message("a\n") + b"\n" + ENVELOPE + big + b"\n" + ENVELOPE + message("b\n"))
    found = list(iter_messages(box, settings=small))
    assert [one.raw is None for one in found] == [False, True, False]
    assert (found[1].size_bytes, found[1].sha256) == (len(big), hashlib.sha256(big).hexdigest())
    assert big.startswith(found[1].beginning)
    assert len(found[1].beginning) == 100_000
    (tmp_path / "big.eml").write_bytes(big)
    (alone,) = iter_messages(tmp_path / "big.eml", settings=small)
    assert (alone.raw, alone.sha256) == (None, found[1].sha256)


def test_the_beginning_of_a_message_is_gathered_as_quickly_as_the_rest() -> None:
    def seconds() -> tuple[float, float]:
        growing, times = _Growing("x", 0, 1_000_000), [time.process_time()]
        for _ in range(2):
            for _ in range(100_000):
                growing.add(b"\n")
            times.append(time.process_time())
        return times[1] - times[0], times[2] - times[1]

    measured = [seconds() for _ in range(3)]
    beginning, later = min(one for one, _ in measured), min(one for _, one in measured)
    # Joined anew for each line, it takes six times as long. Very short times are all noise.
    assert beginning < 3 * max(later, 0.02)


def test_what_is_missing_or_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(MailError, match=r"no file or folder .*nowhere"):
        list(iter_messages(tmp_path / "nowhere"))
    closed = tmp_path / "closed"
    closed.mkdir()
    loop = tmp_path / "loop.eml"
    loop.symlink_to(loop)
    with pytest.raises(MailError):
        list(iter_messages(loop))
    if os.geteuid() != 0:
        closed.chmod(0)
        with pytest.raises(MailError, match="cannot be read") as raised:
            list(iter_messages(closed))
        closed.chmod(0o700)
        assert raised.value.hint


def test_a_file_that_fails_while_it_is_read_says_so(tmp_path: Path) -> None:
    # Reading this file fails for everybody, root included: its first page is not mapped.
    with pytest.raises(MailError, match="cannot be read"):
        list(iter_messages("/proc/self/mem"))
