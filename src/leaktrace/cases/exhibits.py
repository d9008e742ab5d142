"""Evidence at rest: encrypted, addressed by the SHA-256 of the plain bytes, durable before any event names it.

Written aside, synced, renamed to `<folder>/ab/<sha256>`, folders synced; only then the event is committed. A kill in
between leaves a file that no event names: harmless, and the same bytes stored again use it. Nothing here removes one.
The name on disk says nothing about what it was called before.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from leaktrace.errors import CaseError
from leaktrace.keys import Keyring
from leaktrace.wholefiles import replace_file, sync_folder

CEILING_BYTES = 512 * 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{64}")


class ExhibitStore:
    """The bytes of every exhibit, each once."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring

    def put(self, content: bytes) -> str:
        """SHA-256 of the bytes, which are durable when it returns. CaseError on a full disk or over the ceiling."""
        if len(content) > CEILING_BYTES:
            raise CaseError(f"An exhibit of {len(content)} bytes is too large.", f"The ceiling is {CEILING_BYTES}.")
        sha256 = hashlib.sha256(content).hexdigest()
        with _disk(self._folder):
            target = self._path(sha256)
            if not target.exists():
                self._write(target, self._keyring.encrypt(content, _context(sha256)))
        return sha256

    def get(self, sha256: str) -> bytes:
        """The plain bytes. CaseError when they are not here or not the same, KeyFileError for another key."""
        try:
            sealed = self._path(sha256).read_bytes()
        except OSError as error:
            raise CaseError(
                f"The exhibit {sha256} cannot be read: {error.strerror}.", "Restore it from your backup."
            ) from error
        content = self._keyring.decrypt(sealed, _context(sha256))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise CaseError(f"The exhibit {sha256} holds other bytes than its name says.", "Restore it from backup.")
        return content

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many exhibits.

        Each is replaced whole; killed in between, the next call goes on.
        """
        count = 0
        with _disk(self._folder):
            for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]/*")):
                sealed = self._keyring.resealed(path.read_bytes(), _context(path.name))
                if sealed is not None:
                    self._write(path, sealed)
                    count += 1
        return count

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise CaseError("That is not the SHA-256 of an exhibit.", "It is 64 hexadecimal digits.")
        return self._folder / sha256[:2] / sha256

    def _write(self, target: Path, sealed: bytes) -> None:
        for folder in (self._folder, target.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(target, sealed, aside=self._folder / f".{target.name}.{secrets.token_hex(4)}")
        for folder in (self._folder, self._folder.parent):
            sync_folder(folder)


def _context(sha256: str) -> str:
    return f"case exhibit {sha256}"


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """The one place where the file system's errors become ours."""
    try:
        yield
    except OSError as error:
        raise CaseError(
            f"Evidence cannot be stored in {folder}: {error.strerror}.",
            "Free space or make the disk writable; try again.",
        ) from error
