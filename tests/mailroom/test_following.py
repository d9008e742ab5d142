"""Mailboxes that are followed: what is whole is taken once, what is still being written is not taken yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.errors import MailError
from leaktrace.mailroom.ways import FollowAsked
from leaktrace.mailroom.ways.following import Following
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import message

ENVELOPE = b"From cleo@mail.example Tue Mar  5 10:00:00 2024\n"
RAWS = [message(f"complaint {number}\n", subject=f"Number {number}").replace(b"\r\n", b"\n") for number in range(5)]


def following(*paths: Path, ceiling: int = 50_000_000) -> Following:
    return Following(FollowAsked(paths, 0.01), Settings(message_ceiling_bytes=ceiling))


def taken(way: Following, looks: int = 1) -> list[bytes]:
    return [one.raw or b"" for _ in range(looks) for one in way.look()]


def boxed(*raws: bytes) -> bytes:
    return b"".join(ENVELOPE + raw + b"\n" for raw in raws)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)


def test_a_maildirs_messages_are_taken_at_once_and_once_also_when_they_are_read_and_flagged(tmp_path: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "cur" / "0.a:2,S").write_bytes(RAWS[0])
    (tmp_path / "tmp" / "1.a").write_bytes(RAWS[1][:20])
    way = following(tmp_path)
    assert taken(way) == [RAWS[0]]
    (tmp_path / "tmp" / "1.a").write_bytes(RAWS[1])
    assert taken(way) == []
    (tmp_path / "tmp" / "1.a").rename(tmp_path / "new" / "1.a")
    assert taken(way) == [RAWS[1]]
    (tmp_path / "new" / "1.a").rename(tmp_path / "cur" / "1.a:2,")
    (tmp_path / "cur" / "1.a:2,").rename(tmp_path / "cur" / "1.a:2,RS")
    (tmp_path / "cur" / "0.a:2,S").unlink()
    assert taken(way, 3) == []


def test_a_file_is_taken_once_it_has_not_changed_and_again_when_it_is_another(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(RAWS[0][:40])
    way = following(tmp_path)
    assert taken(way) == []
    file.write_bytes(RAWS[0])
    assert taken(way) == []
    assert taken(way, 3) == [RAWS[0]]
    file.write_bytes(RAWS[1])
    assert taken(way, 3) == [RAWS[1]]


def test_the_last_message_of_an_mbox_waits_until_it_is_whole(tmp_path: Path) -> None:
    box = tmp_path / "abuse.mbox"
    box.write_bytes(boxed(RAWS[0], RAWS[1]))
    way = following(box)
    assert taken(way) == [RAWS[0]]
    append(box, boxed(RAWS[2])[:-20])
    assert taken(way) == [RAWS[1]]
    append(box, boxed(RAWS[2])[-20:])
    assert taken(way) == []
    assert taken(way, 3) == [RAWS[2]]
    append(box, boxed(RAWS[3]))
    assert taken(way, 3) == [RAWS[3]]


def test_an_mbox_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    box = tmp_path / "abuse.mbox"
    box.write_bytes(boxed(*RAWS[:3]))
    way = following(box)
    assert taken(way, 2) == RAWS[:3]
    box.write_bytes(boxed(RAWS[1], RAWS[2]))  # the mail program took the first one out
    assert taken(way, 2) == RAWS[1:3]
    aside = tmp_path / "aside"
    aside.write_bytes(boxed(*RAWS))
    aside.replace(box)
    assert taken(way, 2) == RAWS
    inode = box.stat().st_ino
    box.write_bytes(boxed(RAWS[4], *RAWS))  # longer, the same file, another beginning
    assert box.stat().st_ino == inode
    assert set(taken(way, 2)) == set(RAWS)


def test_a_message_over_the_ceiling_does_not_stop_what_follows(tmp_path: Path) -> None:
    box = tmp_path / "abuse.mbox"
    box.write_bytes(boxed(RAWS[0], b"Subject: big\n\n" + b"x" * 5000 + b"\n", RAWS[1]))
    way = following(box, ceiling=1000)
    found = [one for _ in range(2) for one in way.look()]
    assert [one.raw is None for one in found] == [False, True, False]


@settings(max_examples=60)
@given(st.lists(st.integers(1, 400), max_size=30), st.integers(1, 5))
def test_however_an_mbox_grows_each_message_is_taken_once_and_whole(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], count: int
) -> None:
    box = tmp_path_factory.mktemp("box") / "x"
    box.write_bytes(b"")
    content, way, found = boxed(*RAWS[:count]), following(box), []
    for size in [*sizes, len(content)]:
        append(box, content[:size])
        content = content[size:]
        # A writer that pauses for less than two looks is never taken for one that has finished.
        os.utime(box, ns=(0, len(content)))
        found += taken(way)
    assert found + taken(way, 2) == RAWS[:count]


def test_what_is_not_there_is_said_at_the_beginning_and_waited_for_later(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="no file or folder"):
        list(following(tmp_path / "absent").look(is_first=True))
    box = tmp_path / "x"
    box.write_bytes(boxed(RAWS[0]))
    way = following(box)
    assert taken(way, 2) == [RAWS[0]]
    box.unlink()
    assert taken(way) == []
    box.write_bytes(boxed(RAWS[1]))
    assert taken(way, 2) == [RAWS[1]]


def test_batches_come_until_it_is_time_to_stop(tmp_path: Path) -> None:
    for number, raw in enumerate(RAWS):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    found: list[bytes] = []

    def stop() -> bool:
        return len(found) == len(RAWS)

    for batch in following(tmp_path).batches(stop=stop, tell=lambda _: None):
        assert batch.refuse is None
        found.extend(one.raw or b"" for one in batch.messages)
        batch.settle()
    assert found == RAWS


def test_a_followed_path_without_a_message_is_told_once_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "new-box").mkdir()
    told: list[str] = []
    looks = iter([False, False, False, False, True])
    ways = following(tmp_path / "new-box").batches(stop=lambda: next(looks), tell=told.append)
    assert list(ways) == []
    assert told[0].startswith(f"There is no message in {tmp_path / 'new-box'} yet")
    assert len(told) == 2
