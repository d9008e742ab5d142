"""Raw mail at rest: stored first, encrypted, addressed by the SHA-256 of the plain bytes (DESIGN 7).

One message becomes the file `<folder>/ab/<sha256>`, several that come together become one pack (`packs`): making,
syncing and naming a file costs more than all that happens to the bytes of a mail. Either is written aside, synced,
renamed to its place, and the folder synced: after `put` returned, the bytes survive a power cut; before, nothing of
them is seen. What a killed process left aside is removed at next open.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from leaktrace.errors import LeaktraceError, MailError
from leaktrace.keys import Keyring
from leaktrace.mailroom.packs import DamagedPackError, Packs, Place, packed, unpacked
from leaktrace.wholefiles import sync_folder, write_new

_ASIDE, _PACKS = "aside", "packs"
_PACK_COUNT, _PACK_BYTES = 256, 16_000_000
"""A pack ends with the message that reaches either; it is in memory while it is made."""
_NAME = re.compile(r"[0-9a-f]{64}")


class RawStore:
    """The raw bytes of every message, each once; twice where two processes were given it at the same moment."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring
        self._aside = folder / _ASIDE
        with _disk(folder):
            for wanted in (folder, self._aside):
                wanted.mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder.parent)
        self._packs = Packs(folder / _PACKS)
        self._remove_leftovers()

    def put(self, raw: bytes) -> tuple[str, bool]:
        """(SHA-256 of the bytes, whether they are new here); durable when it returns. MailError on a full disk."""
        return self.put_all([raw])[0]

    def put_all(self, raws: Iterable[bytes]) -> list[tuple[str, bool]]:
        """`put` for several, in order; those that are new here share packs."""
        answers: list[tuple[str, bool]] = []
        with self._putting() as touched:
            self._packs.refresh(surely=True)
            new: dict[str, bytes] = {}
            size_bytes = 0
            for raw in raws:
                sha256 = hashlib.sha256(raw).hexdigest()
                is_new = sha256 not in new and not self._holds(sha256)
                answers.append((sha256, is_new))
                if is_new:
                    new[sha256] = self._keyring.encrypt(raw, _context(sha256))
                    size_bytes += len(raw)
                if len(new) == _PACK_COUNT or size_bytes >= _PACK_BYTES:
                    self._keep(new, touched)
                    new, size_bytes = {}, 0
            self._keep(new, touched)
        return answers

    def get(self, sha256: str) -> bytes:
        """The plain bytes. MailError when they are not here, KeyFileError or MailError when they are not the same."""
        failure: LeaktraceError | None = None
        try:
            for sealed in self._sealed(sha256):
                try:
                    return self._opened(sealed, sha256)
                except LeaktraceError as error:
                    failure = failure or error
        except OSError as error:
            raise MailError(
                f"The stored mail {sha256} cannot be read: {error.strerror}.", "Check the disk and its permissions."
            ) from error
        raise failure or self._missing(sha256)

    def _opened(self, sealed: bytes, sha256: str) -> bytes:
        raw = self._keyring.decrypt(sealed, _context(sha256))
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise MailError(
                f"The stored mail {sha256} holds other bytes than its name says.", "Restore it from backup."
            )
        return raw

    def _missing(self, sha256: str) -> MailError:
        damaged = "".join(f" {path} is damaged and may have held it." for path in self._packs.damaged[:1])
        return MailError(
            f"There is no stored mail {sha256}.{damaged}",
            "Was a file removed from the workspace or changed? Restore it from backup.",
        )

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many messages.

        Each file is replaced whole; killed in between, the next call goes on. KeyFileError for a message that does not
        open; MailError for damaged packs, once all others are done.
        """
        count = 0
        with self._putting() as touched:
            for sha256 in list(self._singles()):
                target = self._path(sha256)
                sealed = self._keyring.resealed(target.read_bytes(), _context(sha256))
                if sealed is not None:
                    self._write(target, sealed, touched)
                    count += 1
            self._packs.refresh(surely=True)
            for path in self._packs.paths():
                count += self._reseal_pack(path, touched)
            damaged = list(self._packs.damaged)
        if damaged:
            raise MailError(
                f"{damaged[0]} is damaged: what it holds is still under the older key.",
                "Restore it from backup, or move it away if its mail was received again; then do the same again.",
            )
        return count

    def _reseal_pack(self, path: Path, touched: set[Path]) -> int:
        """Replaces a pack by one of the same messages; how many of them were under an older generation."""
        try:
            held = unpacked(path)
        except DamagedPackError:  # since it was looked at
            self._packs.damaged.append(path)
            return 0
        resealed = {name: self._keyring.resealed(sealed, _context(name)) for name, sealed in held.items()}
        older = {name: sealed for name, sealed in resealed.items() if sealed is not None}
        if older:
            # Sealed bytes are as long as before, so that what others know of the pack stays right.
            self._write(path, packed(held | older)[1], touched)
        return len(older)

    def __contains__(self, sha256: str) -> bool:
        with _disk(self._folder):
            self._packs.refresh()
            return self._holds(sha256)

    def __iter__(self) -> Iterator[str]:
        """The SHA-256 of every message, in order."""
        with _disk(self._folder):
            self._packs.refresh(surely=True)
            yield from sorted({*self._singles(), *self._packs})

    def _singles(self) -> Iterator[str]:
        for folder in self._folder.iterdir():
            if folder.is_dir() and len(folder.name) == 2:
                yield from (path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))

    def _holds(self, sha256: str) -> bool:
        """Whether a message is here now: what was known of a pack that is gone since does not count."""
        return self._path(sha256).exists() or any(place.is_there() for place in self._packs.find(sha256))

    def _sealed(self, sha256: str) -> Iterator[bytes]:
        """The sealed bytes, from every place where they may lie: one that is damaged does not hide another."""
        with contextlib.suppress(FileNotFoundError):
            yield self._path(sha256).read_bytes()
        read: set[Place] = set()
        for surely in (False, True):
            self._packs.refresh(surely=surely)
            for place in self._packs.find(sha256):
                if place not in read and place.is_there():
                    read.add(place)
                    yield place.read()

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise MailError(f"{sha256[:80]!r} is not the SHA-256 of a mail.", "It is 64 hexadecimal digits.")
        return self._folder / sha256[:2] / sha256

    def _keep(self, new: Mapping[str, bytes], touched: set[Path]) -> None:
        """Puts sealed messages where they belong: one by itself, several in a pack."""
        if len(new) == 1:
            ((sha256, sealed),) = new.items()
            self._write(self._path(sha256), sealed, touched)
        elif new:
            name, content = packed(new)
            self._write(self._packs.folder / name, content, touched)
            self._packs.written(self._packs.folder / name)

    def _write(self, target: Path, content: bytes, touched: set[Path]) -> None:
        """A file with these bytes in its place: it is not renamed before its bytes are on the disk."""
        aside = self._aside / f"{target.name}.{secrets.token_hex(4)}"
        try:
            write_new(aside, content)
            if not target.parent.is_dir():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                touched.add(self._folder)
            aside.rename(target)
            touched.add(target.parent)
        finally:
            # A full disk or Ctrl-C: take the half-written file away now, not only at next open.
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _putting(self) -> Iterator[set[Path]]:
        """Gives the folders that are to be synced at the end, also where something failed: what was renamed is seen.

        Tells others that files aside may be in use: their clean-up waits for its next chance.
        """
        touched: set[Path] = set()
        with _disk(self._folder), _lock_file(self._aside) as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            try:
                yield touched
            finally:
                for folder in sorted(touched):
                    sync_folder(folder)

    def _remove_leftovers(self) -> None:
        # Whoever may not write here may still read; a leftover then stays where it is.
        with contextlib.suppress(OSError), _lock_file(self._aside) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in self._aside.iterdir():
                if path.name != "lock":
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
