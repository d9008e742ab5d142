"""Raw mail survives whatever happens to the process, and says so when it did not survive on disk."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import KeyFileError, MailError
from leaktrace.keys import Keyring
from leaktrace.mailroom.packs import MAGIC
from leaktrace.mailroom.store import RawStore

KEYRING = Keyring(bytes(range(32)), "ws-test")
MAIL = b"From: a@b.example\r\n\r\nbuy now\r\n"


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def test_what_was_put_comes_back_once(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    assert store.put(MAIL) == (sha(MAIL), True)
    assert store.put(MAIL) == (sha(MAIL), False)
    assert store.get(sha(MAIL)) == MAIL
    assert list(store) == [sha(MAIL)]
    assert sha(MAIL) in store
    assert sha(b"other") not in store


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=6))
def test_any_bytes_in_any_order(tmp_path: Path, raws: list[bytes]) -> None:
    folder = tmp_path / sha(repr(raws).encode())
    store = RawStore(folder, KEYRING)
    first = store.put_all(raws)
    assert [name for name, _ in first] == [sha(raw) for raw in raws]
    assert sum(new for _, new in first) == len(set(raws))
    assert all(not new for _, new in store.put_all(reversed(raws)))
    assert list(RawStore(folder, KEYRING)) == sorted({sha(raw) for raw in raws})
    assert {store.get(name) for name in store} == set(raws)


def test_nothing_on_disk_is_readable_by_others_or_in_clear(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put(MAIL)
    for path in [tmp_path / "raw", *(tmp_path / "raw").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        assert path.is_dir() or b"buy now" not in path.read_bytes()


def test_changed_swapped_and_missing_bytes_are_noticed(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    first, _ = store.put(MAIL)
    second, _ = store.put(b"second")
    path = tmp_path / "raw" / first[:2] / first
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(KeyFileError, match="do not open"):
        store.get(first)
    path.write_bytes((tmp_path / "raw" / second[:2] / second).read_bytes())
    with pytest.raises(KeyFileError, match="do not open"):
        store.get(first)
    path.write_bytes(KEYRING.encrypt(b"forged with the key", f"raw mail {first}"))
    with pytest.raises(MailError, match="other bytes"):
        store.get(first)
    path.unlink()
    with pytest.raises(MailError, match="no stored mail"):
        store.get(first)
    path.mkdir()
    with pytest.raises(MailError, match="cannot be read"):
        store.get(first)
    with pytest.raises(MailError, match="not the SHA-256"):
        store.get("../../etc/passwd")


BATCH = [b"From: a@b.example\r\n\r\nmail %d" % number for number in range(5)]


def _pack(folder: Path) -> Path:
    (path,) = (folder / "packs").iterdir()
    return path


def test_a_batch_is_one_file_and_each_message_comes_back(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put_all(BATCH)
    assert [path.name for path in (tmp_path / "raw").iterdir() if len(path.name) == 2] == []
    assert stat.S_IMODE(_pack(tmp_path / "raw").stat().st_mode) == 0o600
    for other in (store, RawStore(tmp_path / "raw", KEYRING)):
        assert [other.get(sha(raw)) for raw in BATCH] == BATCH
        assert sha(BATCH[0]) in other
        assert other.put_all(BATCH) == [(sha(raw), False) for raw in BATCH]
    assert all(raw not in _pack(tmp_path / "raw").read_bytes() for raw in BATCH)


def test_a_large_batch_becomes_several_packs(tmp_path: Path) -> None:
    raws = [b"%d" % number for number in range(600)]
    store = RawStore(tmp_path / "raw", KEYRING)
    assert all(new for _, new in store.put_all([*raws, *[b"x" * 9_000_000, b"y" * 9_000_000]]))
    assert len(list((tmp_path / "raw" / "packs").iterdir())) == 3
    assert len(list(RawStore(tmp_path / "raw", KEYRING))) == 602
    assert store.get(sha(b"x" * 9_000_000)) == b"x" * 9_000_000


def test_what_another_process_stores_is_seen(tmp_path: Path) -> None:
    first, second = RawStore(tmp_path / "raw", KEYRING), RawStore(tmp_path / "raw", KEYRING)
    first.put_all(BATCH[:2])
    assert second.get(sha(BATCH[0])) == BATCH[0]
    first.put_all(BATCH[2:4])
    assert second.get(sha(BATCH[3])) == BATCH[3]
    assert second.put_all(BATCH) == [(sha(raw), number == 4) for number, raw in enumerate(BATCH)]
    assert [first.get(sha(raw)) for raw in BATCH] == BATCH
    assert list(first) == list(second) == sorted(map(sha, BATCH))


_ROW_BYTES, _TABLE_AT = 48, len(MAGIC) + 8


def _swapped(content: bytes) -> bytes:
    """Where the first two messages lie, each said of the other."""
    first, second = (content[_TABLE_AT + at + 32 : _TABLE_AT + at + 48] for at in (0, _ROW_BYTES))
    one, two = _TABLE_AT, _TABLE_AT + _ROW_BYTES
    return content[: one + 32] + second + content[two : two + 32] + first + content[two + 48 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:10],
        lambda content: b"x" + content[1:],
        lambda content: content[: len(MAGIC)] + b"\xff" * 8 + content[_TABLE_AT:],
        lambda content: content[: len(MAGIC)] + b"\x03" + content[len(MAGIC) + 1 :],
        lambda content: content[:_TABLE_AT] + bytes([content[_TABLE_AT] ^ 1]) + content[_TABLE_AT + 1 :],
        lambda content: content[: _TABLE_AT + 32] + b"\xff" * 16 + content[_TABLE_AT + 48 :],
        _swapped,
        lambda content: content[:-1],
        lambda content: content + b"x",
    ],
)
def test_a_pack_that_does_not_say_what_it_holds_is_named_and_replaced(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    RawStore(tmp_path / "raw", KEYRING).put_all(BATCH)
    path = _pack(tmp_path / "raw")
    spoiled = spoil(path.read_bytes())
    path.write_bytes(spoiled)
    store = RawStore(tmp_path / "raw", KEYRING)
    with pytest.raises(MailError, match="is damaged") as error:
        store.get(sha(BATCH[0]))
    assert path.name in str(error.value)
    # A rotation must not make anything of it: what it holds could be had back with its table.
    with pytest.raises(MailError, match="still under the older key"):
        RawStore(tmp_path / "raw", KEYRING).reseal()
    assert path.read_bytes() == spoiled
    other = RawStore(tmp_path / "raw", KEYRING)
    assert sha(BATCH[0]) not in other
    assert all(new for _, new in store.put_all(BATCH))
    for anybody in (store, other, RawStore(tmp_path / "raw", KEYRING)):
        assert [anybody.get(sha(raw)) for raw in BATCH] == BATCH
    assert store.reseal() == 0


def test_what_was_in_a_pack_that_is_gone_is_stored_again(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put_all(BATCH)
    _pack(tmp_path / "raw").unlink()
    with pytest.raises(MailError, match="no stored mail"):
        store.get(sha(BATCH[0]))
    assert all(new for _, new in store.put_all(BATCH))
    assert store.get(sha(BATCH[0])) == BATCH[0]


def test_a_pack_that_cannot_be_read_stops_nothing_else(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put_all(BATCH)
    (tmp_path / "raw" / "packs" / "zz.pack").mkdir()
    again = RawStore(tmp_path / "raw", KEYRING)
    assert again.get(sha(BATCH[1])) == BATCH[1]
    assert again.put_all([b"a", b"b"]) == [(sha(b"a"), True), (sha(b"b"), True)]
    with pytest.raises(MailError, match=r"zz\.pack is damaged"):
        again.get(sha(b"other"))


def test_a_damaged_copy_does_not_hide_a_whole_one(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put(BATCH[0])
    single = tmp_path / "raw" / sha(BATCH[0])[:2] / sha(BATCH[0])
    aside = single.rename(tmp_path / "aside")
    store.put_all(BATCH)
    aside.rename(single)
    single.write_bytes(b"x" * 100)
    assert store.get(sha(BATCH[0])) == BATCH[0]


def test_a_message_of_a_pack_that_was_changed_does_not_open(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw", KEYRING)
    store.put_all(BATCH)
    path = _pack(tmp_path / "raw")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    last = max(map(sha, BATCH))
    for raw in BATCH:
        if sha(raw) == last:
            with pytest.raises(KeyFileError, match="do not open"):
                store.get(last)
        else:
            assert store.get(sha(raw)) == raw


def test_another_workspaces_key_opens_nothing(tmp_path: Path) -> None:
    name, _ = RawStore(tmp_path / "raw", KEYRING).put(MAIL)
    with pytest.raises(KeyFileError):
        RawStore(tmp_path / "raw", Keyring(bytes(range(32)), "ws-other")).get(name)


def test_leftovers_go_at_open_but_not_while_somebody_writes(tmp_path: Path) -> None:
    RawStore(tmp_path / "raw", KEYRING)
    leftover = tmp_path / "raw" / "aside" / "half"
    leftover.write_bytes(b"half")
    with (tmp_path / "raw" / "aside" / "lock").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        RawStore(tmp_path / "raw", KEYRING)
        assert leftover.exists()
    RawStore(tmp_path / "raw", KEYRING)
    assert not leftover.exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"")
    with pytest.raises(MailError, match="cannot be stored"):
        RawStore(tmp_path / "raw", KEYRING)


@pytest.mark.parametrize("large", ["store.put(b'x' * 100000)", "store.put_all([b'x' * 100000, b'y'])"])
def test_a_disk_that_takes_no_more_leaves_nothing_half_written(tmp_path: Path, large: str) -> None:
    # A file-size limit refuses the write in the middle of the file, as a full disk does; in a process of its own.
    script = (
        "import sys, resource, signal\nfrom pathlib import Path\n"
        "from leaktrace.errors import MailError\nfrom leaktrace.keys import Keyring\n"
        "from leaktrace.mailroom.store import RawStore\n"
        "store = RawStore(Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test'))\n"
        "store.put(b'small')\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"try:\n    {large}\nexcept MailError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "raw")], capture_output=True, text=True, check=True
    )
    assert os.strerror(errno.EFBIG) in done.stdout
    assert "Free space" in done.stdout
    assert [path.name for path in (tmp_path / "raw" / "aside").iterdir()] == ["lock"]
    assert list(RawStore(tmp_path / "raw", KEYRING)) == [sha(b"small")]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


@pytest.mark.parametrize(
    "put", ["[store.put(b'%d ' % n * 5000)]", "store.put_all([b'%d ' % n * 5000, b'%d and ' % n * 5000])"]
)
def test_killed_at_any_moment_every_stored_mail_is_whole(tmp_path: Path, put: str) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom leaktrace.keys import Keyring\n"
        "from leaktrace.mailroom.store import RawStore\n"
        "store = RawStore(Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test'))\n"
        f"n = 0\nwhile True:\n    n += 1\n    print(*[name for name, _ in {put}], sep='\\n', flush=True)\n"
    )
    for delay in (0.02, 0.05, 0.11):
        folder = tmp_path / str(delay)
        process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [process.stdout.readline().strip()]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout.read().splitlines() if len(line.strip()) == 64]
        process.stdout.close()
        process.wait()
        store = RawStore(folder, KEYRING)
        stored = list(store)
        assert set(told) <= set(stored)
        assert all(sha(store.get(name)) == name for name in stored)
        assert [path.name for path in (folder / "aside").iterdir()] == ["lock"]
