"""Signed notes: text under one or more Ed25519 signatures (C2SP signed-note), read with ceilings.

Text of a note that was not verified is never handed out by `open_note`. A key is known by name and key id together; the
id is a short hash that anybody can make collide, so it only chooses the key that must then verify.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from leaktrace.errors import CustodyError

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 64
"""The specification asks for at least 16."""
_DASH = "\u2014 "
_COSIGNED = "cosignature/v1\ntime {seconds}\n"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_BAD_NAME = re.compile(r"[\s+]")
_HINT = "Ask for the file again from whoever keeps it, and for their key by another way."

SignatureType = Literal[1, 4]
NOTE_SIGNATURE: SignatureType = 1
"""Ed25519 over the text."""
COSIGNATURE: SignatureType = 4
"""Timestamped Ed25519 cosignature of a checkpoint (C2SP tlog-cosignature)."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key that notes are checked with: name, what it signs, and the key itself."""

    name: str
    kind: SignatureType
    public: bytes
    """Raw Ed25519 public key, 32 bytes."""

    def key_id(self) -> bytes:
        """SHA-256(name || LF || type || public key), first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def vkey(self) -> str:
        """The verifier key as text: `<name>+<key id>+<type and key>`."""
        return f"{self.name}+{self.key_id().hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    def fingerprint(self) -> str:
        """SHA-256 of the raw public key, in hex: what is published and read out over the telephone."""
        return hashlib.sha256(self.public).hexdigest()


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key with its name. Its `repr` shows no secret."""

    key: NoteKey
    _sign: Callable[[bytes], bytes]
    """Ed25519 over a message, 64 bytes."""

    def __repr__(self) -> str:
        return f"NoteSigner({self.key.vkey()!r})"

    @staticmethod
    def from_seed(name: str, seed: bytes, kind: SignatureType = NOTE_SIGNATURE) -> NoteSigner:
        """The signer with this 32-byte Ed25519 seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return NoteSigner(NoteKey(_checked_name(name), kind, public), private.sign)

    def sign(self, text: str) -> str:
        """The signature line for a note with this text."""
        if self.key.kind != NOTE_SIGNATURE:
            raise CustodyError("A witness's key does not sign notes as their author.", "Use the log's own key.")
        return self._line(self._sign(text.encode()))

    def cosign(self, text: str, at: datetime) -> str:
        """The line that says: at that time this was the largest consistent checkpoint I have seen of this log."""
        if self.key.kind != COSIGNATURE:
            raise CustodyError("The log's own key is no witness.", "A witness has a key of its own, elsewhere.")
        seconds = int(at.timestamp())
        stamped = struct.pack(">Q", seconds)
        return self._line(stamped + self._sign((_COSIGNED.format(seconds=seconds) + text).encode()))

    def _line(self, signature: bytes) -> str:
        return f"{_DASH}{self.key.name} {to_base64(self.key.key_id() + signature)}\n"


@dataclass(frozen=True, slots=True)
class Verified:
    """One signature that holds."""

    key: NoteKey
    at: datetime | None
    """When a witness says it saw the checkpoint; null for the log's own signature."""


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures by known keys all hold; there is at least one."""

    text: str
    signatures: tuple[Verified, ...]


def key_from_vkey(vkey: str) -> NoteKey:
    """The key in a verifier key; CustodyError where it is none, or of a kind that is not used here."""
    parts = vkey.strip().split("+", 2)
    if len(parts) == 3 and len(vkey) < 1000:
        material = from_base64(parts[2])
        if material is not None and len(material) == 33 and material[0] in {NOTE_SIGNATURE, COSIGNATURE}:
            kind: SignatureType = 1 if material[0] == NOTE_SIGNATURE else 4
            key = NoteKey(_checked_name(parts[0]), kind, material[1:])
            if key.key_id().hex() == parts[1]:
                return key
    raise CustodyError("This is not a verifier key.", "It has the form name+hash+key: see docs/custody.md.")


def note_of(text: str, lines: Iterable[str]) -> str:
    """The note of a text and its signature lines."""
    return f"{text}\n{''.join(lines)}"


def split_note(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """(text, signature lines), nothing verified yet. CustodyError where the bytes are no signed note."""
    if len(raw) > MAX_NOTE_BYTES:
        raise _no_note(f"it is larger than {MAX_NOTE_BYTES} bytes")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_note("it is not UTF-8") from error
    if _CONTROL.search(whole):
        raise _no_note("it holds control characters")
    body, gap, signed = whole.rpartition("\n\n")
    lines = signed.splitlines(keepends=True) if gap else []
    # `splitlines` knows more line ends than LF; only LF ends a line here.
    if not lines or any(not line.endswith("\n") for line in lines) or len(lines) != signed.count("\n"):
        raise _no_note("it has no signature lines")
    if len(lines) > MAX_SIGNATURES:
        raise _no_note(f"it has more than {MAX_SIGNATURES} signatures")
    return body + "\n", tuple(lines)


def open_note(raw: bytes, keys: Iterable[NoteKey]) -> OpenedNote:
    """The text, if known keys signed it.

    Checks: 1. form, 2. signatures of unknown keys are passed over, 3. every signature by a known key holds, 4. there is
    one. CustodyError otherwise. The caller owes: which of the keys are enough, and what the text means.
    """
    text, lines = split_note(raw)  # 1
    known = {(key.name, key.key_id()): key for key in keys}
    found: list[Verified] = []
    for line in lines:
        name, blob = _parsed_line(line)
        key = known.get((name, blob[:4]))
        if key is not None:  # 2
            found.append(_verified(key, text, blob[4:]))  # 3
    if not found:  # 4
        raise CustodyError("No known key has signed this note.", _HINT)
    return OpenedNote(text, tuple(found))


def one_line(text: str) -> str:
    """A signature line as it stands under a note; CustodyError where the text is none, or more than one."""
    line = text.strip() + "\n"
    if len(line.splitlines()) != 1 or len(line) > MAX_NOTE_BYTES:
        raise _no_note("this is not one signature line")
    _parsed_line(line)
    return line


def _parsed_line(line: str) -> tuple[str, bytes]:
    name, blank, encoded = line.removeprefix(_DASH).rstrip("\n").partition(" ")
    blob = from_base64(encoded)
    if not line.startswith(_DASH) or not blank or not name or _BAD_NAME.search(name) or blob is None or len(blob) < 5:
        raise _no_note("a signature line is malformed")
    return name, blob


def _verified(key: NoteKey, text: str, signature: bytes) -> Verified:
    message, at = text.encode(), None
    if key.kind == COSIGNATURE:
        seconds = int.from_bytes(signature[:8], "big")
        message = (_COSIGNED.format(seconds=seconds) + text).encode()
        signature = signature[8:]
        at = _time_of(seconds, key)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise CustodyError(f"The signature of {key.name} under this note does not hold.", _HINT) from error
    return Verified(key, at)


def _time_of(seconds: int, key: NoteKey) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise CustodyError(f"The cosignature of {key.name} has no possible time.", _HINT) from error


def _checked_name(name: str) -> str:
    if not name or len(name) > 200 or _BAD_NAME.search(name) or _CONTROL.search(name):
        raise CustodyError(
            f"{name[:40]!r} is no name for a key.", "No blanks, no plus; best a web address without scheme."
        )
    return name


def to_base64(content: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(content).decode("ascii")


def from_base64(text: str) -> bytes | None:
    """The bytes, where the text is their one base64 spelling (RFC 4648, section 4)."""
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    return content if to_base64(content) == text else None


def _no_note(why: str) -> CustodyError:
    return CustodyError(f"This is not a signed note: {why}.", _HINT)
