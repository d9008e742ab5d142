"""A person's own Ed25519 key: in a file outside of the workspace, under a passphrase where one is given.

A new key is written beside the old one, then logged, then put in its place. Whoever opens the file says which public
key the log expects, so a kill at any moment in between does no harm: the file that has it is taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from leaktrace.errors import KeyFileError
from leaktrace.passphrases import DEFAULT_COST, Cost, is_sealed, seal, unseal
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret
from leaktrace.wholefiles import sync_folder, write_new

_HEADER = "leaktrace-person-1 "
_MAX_FILE_BYTES = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HINT = "See docs/keys.md: a lost key is replaced by a new one, and an administrator enrols that."


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Somebody's private key. Its `repr` shows no secret."""

    name: str
    public_key: str
    """Raw Ed25519 public key, hex."""
    _private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"PersonKey({self.name!r}, {self.public_key!r})"

    @property
    def key_id(self) -> str:
        """As in `Person.key_id`: a hint, never a decision."""
        return key_id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """64 bytes, Ed25519 (RFC 8032)."""
        return self._private.sign(message)

    @staticmethod
    def fresh(name: str) -> PersonKey:
        """A new key, so far only in memory."""
        return _person_key(name, Ed25519PrivateKey.generate())


def key_id_of(public_key: str) -> str:
    """SHA-256 of the raw public key (hex in, hex out), first 16 characters."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def person_key_path(workspace_id: str, name: str, environment: Mapping[str, str]) -> Path:
    """Where somebody's key file is: in the user's configuration folder, one for each workspace and name."""
    checked_person_name(name)
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(home) / "leaktrace" / "people" / f"{workspace_id}-{name}.key"


def checked_person_name(name: str) -> str:
    """The name, if it can be a user's; KeyFileError otherwise (it becomes part of a file's name)."""
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"{name[:70]!r} is no user name.", "Small letters, digits, dot, dash; at most 64.")
    return name


def make_person_key(path: Path, name: str, passphrase: str | None, cost: Cost = DEFAULT_COST) -> PersonKey:
    """Makes a key and its file, 0600; KeyFileError where there is one already: it may be the only copy."""
    key = PersonKey.fresh(checked_person_name(name))
    _write_new(path, _file_text(key, passphrase, cost))
    return key


def load_person_key(path: Path, name: str, passphrase: str | None, expected_public_key: str | None = None) -> PersonKey:
    """The key in a file, or in the one a rotation left beside it, whichever has the expected public key.

    KeyFileError where none can be read, others may read it, the passphrase is wrong or missing, or it is another key.
    """
    candidates = _files(path)
    if not candidates:
        raise KeyFileError(f"There is no key file {path} of {name}.", _HINT)
    closed: list[KeyFileError] = []
    for one in candidates:
        try:
            key = _read(one, name, passphrase)
        except KeyFileError as error:
            closed.append(error)  # the new key may have a passphrase of its own: which of both is wanted, the log says
        else:
            if expected_public_key in {None, key.public_key}:
                return key
    raise closed[0] if closed else KeyFileError(f"{path} is not the key that {name} is enrolled with.", _HINT)


def needs_passphrase(path: Path, name: str, expected_public_key: str | None) -> bool:
    """Whether a passphrase is to be asked for: the expected key is in none of the files that open without one."""
    sealed = False
    for one in _files(path):
        with contextlib.suppress(KeyFileError):  # whoever loads the key says what is wrong with the file
            text = _text_of(one)
            if is_sealed(text):
                sealed = True
            elif _plain_key(one, name, text).public_key == expected_public_key:
                return False
    return sealed


def begin_rotation(path: Path, name: str, passphrase: str | None, cost: Cost = DEFAULT_COST) -> PersonKey:
    """Writes a new key beside the old one and gives it. Log it next (`PersonChanged`), then `finish_rotation`."""
    key = PersonKey.fresh(checked_person_name(name))
    _next_path(path).unlink(missing_ok=True)
    _write_new(_next_path(path), _file_text(key, passphrase, cost))
    return key


def finish_rotation(path: Path) -> None:
    """Puts the new key in place of the old one, whose private half is gone then; may be called again after a kill."""
    with contextlib.suppress(FileNotFoundError):
        _next_path(path).replace(path)
        sync_folder(path.parent)


def _next_path(path: Path) -> Path:
    return path.parent / f"{path.name}.next"


def _files(path: Path) -> list[Path]:
    """The key file, and the one that a rotation left beside it; those that are there."""
    return [one for one in (path, _next_path(path)) if one.exists()]


def _person_key(name: str, private: Ed25519PrivateKey) -> PersonKey:
    return PersonKey(name, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(), private)


def _file_text(key: PersonKey, passphrase: str | None, cost: Cost) -> str:
    seed = key._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return f"{_HEADER}{seed.hex()}\n" if passphrase is None else seal(seed, passphrase, _context(key.name), cost) + "\n"


def _context(name: str) -> str:
    return f"leaktrace key of {name}"


def _text_of(path: Path) -> str:
    try:
        return read_secret(path, _MAX_FILE_BYTES).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise KeyFileError(f"The key file {path} cannot be read: {error.strerror}.", _HINT) from error
    except ReadByOthersError as error:
        hint = f"{only_owner(path)}; if others did, rotate it."
        raise KeyFileError(f"Others may read the key file {path}.", hint) from error


def _read(path: Path, name: str, passphrase: str | None) -> PersonKey:
    text = _text_of(path)
    if not is_sealed(text):
        return _plain_key(path, name, text)
    if passphrase is None:
        raise KeyFileError(f"The key of {name} is under a passphrase.", "Give the passphrase.")
    return _key_of(path, name, unseal(text, passphrase, _context(name)))


def _plain_key(path: Path, name: str, text: str) -> PersonKey:
    try:
        seed = bytes.fromhex(text.removeprefix(_HEADER)) if text.startswith(_HEADER) else b""
    except ValueError:
        seed = b""
    return _key_of(path, name, seed)


def _key_of(path: Path, name: str, seed: bytes) -> PersonKey:
    if len(seed) != 32:
        raise KeyFileError(f"{path} is not a person's key file.", _HINT)
    return _person_key(name, Ed25519PrivateKey.from_private_bytes(seed))


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        raise KeyFileError(f"There is a key file {path} already.", "Rotate it instead of making one.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(path, text.encode("ascii"))
        sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(f"The key file {path} cannot be made: {error.strerror}.", _HINT) from error
