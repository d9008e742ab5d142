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
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import KeyFileError, MailError
from leaktrace.keys import Keyring
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


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(tmp_path: Path) -> None:
    # A file-size limit refuses the write in the middle of the file, as a full disk does; in a process of its own.
    script = (
        "import sys, resource, signal\nfrom pathlib import Path\n"
        "from leaktrace.errors import MailError\nfrom leaktrace.keys import Keyring\n"
        "from leaktrace.mailroom.store import RawStore\n"
        "store = RawStore(Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test'))\n"
        "store.put(b'small')\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    store.put(b'x' * 100000)\nexcept MailError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "raw")], capture_output=True, text=True, check=True
    )
    assert os.strerror(errno.EFBIG) in done.stdout
    assert "Free space" in done.stdout
    assert [path.name for path in (tmp_path / "raw" / "aside").iterdir()] == ["lock"]
    assert list(RawStore(tmp_path / "raw", KEYRING)) == [sha(b"small")]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_killed_at_any_moment_every_stored_mail_is_whole(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom leaktrace.keys import Keyring\n"
        "from leaktrace.mailroom.store import RawStore\n"
        "store = RawStore(Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test'))\n"
        "n = 0\nwhile True:\n    n += 1\n    name, _ = store.put(b'%d ' % n * 5000)\n    print(name, flush=True)\n"
    )
    for delay in (0.02, 0.05, 0.11):
        folder = tmp_path / str(delay)
        process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [process.stdout.readline().strip()]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout.read().splitlines()]
        process.stdout.close()
        process.wait()
        store = RawStore(folder, KEYRING)
        stored = list(store)
        assert set(told) <= set(stored)
        assert all(sha(store.get(name)) == name for name in stored)
        assert [path.name for path in (folder / "aside").iterdir()] == ["lock"]
