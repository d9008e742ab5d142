"""Raw mail at rest: stored first, encrypted, addressed by the SHA-256 of the plain bytes (DESIGN 7).

A message is written aside, synced, renamed to `<folder>/ab/<sha256>`, and the folder synced: after `put` returned, the
bytes survive a power cut; before, nothing of them is seen. What a killed process left aside is removed at next open.

Several messages are synced at once: a file system writes its journal once for all who wait for it, so that two hundred
take a twentieth of the time that they take one after the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from leaktrace.errors import MailError
from leaktrace.keys import Keyring

_ASIDE = "aside"
_AT_ONCE_COUNT = 64
"""Messages that are written before the first of them is renamed; each is an open file."""
_SYNCING_COUNT = 16
_NAME = re.compile(r"[0-9a-f]{64}")
_Synced = TypeVar("_Synced")


class RawStore:
    """The raw bytes of every message, each once."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring
        self._aside = folder / _ASIDE
        with _disk(folder):
            for wanted in (folder, self._aside):
                wanted.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(folder.parent)
        self._remove_leftovers()

    def put(self, raw: bytes) -> tuple[str, bool]:
        """(SHA-256 of the bytes, whether they are new here); durable when it returns. MailError on a full disk."""
        return self.put_all([raw])[0]

    def put_all(self, raws: Iterable[bytes]) -> list[tuple[str, bool]]:
        """`put` for several, in order: the folders are synced once for all of them."""
        answers: list[tuple[str, bool]] = []
        touched: set[Path] = set()
        rest = iter(raws)
        with _disk(self._folder), self._writing(), ThreadPoolExecutor(_SYNCING_COUNT) as pool:
            while batch := list(islice(rest, _AT_ONCE_COUNT)):
                new: dict[Path, bytes] = {}
                for raw in batch:
                    sha256 = hashlib.sha256(raw).hexdigest()
                    target = self._path(sha256)
                    is_new = target not in new and not target.exists()
                    if is_new:
                        new[target] = self._keyring.encrypt(raw, _context(sha256))
                    answers.append((sha256, is_new))
                self._write(new, touched, pool)
            _sync_all(pool, _sync_folder, sorted(touched))
        return answers

    def get(self, sha256: str) -> bytes:
        """The plain bytes. MailError when they are not here, KeyFileError or MailError when they are not the same."""
        try:
            sealed = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise MailError(
                f"There is no stored mail {sha256}.", "Was its file removed from the workspace? Restore it from backup."
            ) from None
        except OSError as error:
            raise MailError(
                f"The stored mail {sha256} cannot be read: {error.strerror}.", "Check the disk and its permissions."
            ) from error
        raw = self._keyring.decrypt(sealed, _context(sha256))
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise MailError(
                f"The stored mail {sha256} holds other bytes than its name says.", "Restore it from backup."
            )
        return raw

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many messages.

        Each is replaced whole; killed in between, the next call goes on. KeyFileError for one that does not open.
        """
        count = 0
        touched: set[Path] = set()
        with _disk(self._folder), self._writing(), ThreadPoolExecutor(_SYNCING_COUNT) as pool:
            for sha256 in self:
                target = self._path(sha256)
                sealed = self._keyring.resealed(target.read_bytes(), _context(sha256))
                if sealed is not None:
                    self._write({target: sealed}, touched, pool)
                    count += 1
            _sync_all(pool, _sync_folder, sorted(touched))
        return count

    def __contains__(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def __iter__(self) -> Iterator[str]:
        """The SHA-256 of every message, in order."""
        with _disk(self._folder):
            for folder in sorted(self._folder.iterdir()):
                if folder.is_dir() and len(folder.name) == 2:
                    yield from sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise MailError(f"{sha256[:80]!r} is not the SHA-256 of a mail.", "It is 64 hexadecimal digits.")
        return self._folder / sha256[:2] / sha256

    def _write(self, files: Mapping[Path, bytes], touched: set[Path], pool: ThreadPoolExecutor) -> None:
        """Puts sealed bytes where they belong: none is renamed before its bytes are on the disk."""
        aside: dict[Path, Path] = {target: self._aside / f"{target.name}.{secrets.token_hex(4)}" for target in files}
        with contextlib.ExitStack() as opened:
            # A full disk or Ctrl-C: take the half-written files away now, not only at next open.
            opened.callback(_remove, aside.values())
            written = [_written(aside[target], sealed, opened) for target, sealed in files.items()]
            _sync_all(pool, os.fsync, written)
            for target, path in aside.items():
                if not target.parent.is_dir():
                    target.parent.mkdir(mode=0o700, exist_ok=True)
                    touched.add(self._folder)
                path.rename(target)
                touched.add(target.parent)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Tells others that files aside may be in use: their clean-up waits for its next chance."""
        with _lock_file(self._aside) as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield

    def _remove_leftovers(self) -> None:
        # Whoever may not write here may still read; a leftover then stays where it is.
        with contextlib.suppress(OSError), _lock_file(self._aside) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in self._aside.iterdir():
                if path.name != "lock":
                    path.unlink(missing_ok=True)


def _sync_all(pool: ThreadPoolExecutor, sync: Callable[[_Synced], None], things: Sequence[_Synced]) -> None:
    """Syncs each of them, as many at once as there are threads; each thread takes a share, for less handing over."""

    def sync_share(first: int) -> None:
        for one in things[first::_SYNCING_COUNT]:
            sync(one)

    list(pool.map(sync_share, range(min(_SYNCING_COUNT, len(things)))))


def _written(path: Path, content: bytes, opened: contextlib.ExitStack) -> int:
    """A new file with these bytes, not yet synced, open until `opened` ends."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    stream = opened.enter_context(os.fdopen(handle, "wb", buffering=0))
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]
    return handle


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _context(sha256: str) -> str:
    return f"raw mail {sha256}"


@contextlib.contextmanager
def _lock_file(folder: Path) -> Iterator[int]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """The one place where the file system's errors become ours."""
    try:
        yield
    except OSError as error:
        raise MailError(
            f"Raw mail cannot be stored in {folder}: {error.strerror}.",
            "Free space or make the disk writable, then receive the same mailbox again: what is stored is not doubled.",
        ) from error
