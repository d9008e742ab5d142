"""The workspace key on paper: the key file's secrets under a passphrase, in lines that can be typed in again.

Each line carries its number and four check digits (CRC-32 of the rest), so that a slip in typing is named by its line.
Whoever has the paper still needs the passphrase; whoever forgets the passphrase has no back-up.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import datetime

from leaktrace.errors import KeyFileError
from leaktrace.keys import KeySecrets, parse_key_text
from leaktrace.passphrases import DEFAULT_COST, Cost, seal, unseal

_TITLE = "leaktrace key back-up v1"
_LINE_CHARACTERS = 48
_MAX_BYTES = 200_000
_LINE = re.compile(r"([0-9]{2,3}) ([0-9a-f]{4}) (.*)")
_HINT = "Compare it with the paper, line by line."


@dataclass(frozen=True, slots=True)
class Backup:
    """A back-up as it was read; the secrets are still sealed."""

    workspace_id: str
    sealed: str

    def open(self, passphrase: str) -> KeySecrets:
        """The secrets; KeyFileError on a wrong passphrase or changed text."""
        text = unseal(self.sealed, passphrase, _context(self.workspace_id)).decode("ascii", "replace")
        held = parse_key_text(text)
        if held is None:
            raise KeyFileError("The back-up opens, but holds no key.", "It was made by another version.")
        return held


def backup_text(held: KeySecrets, workspace_id: str, passphrase: str, at: datetime, cost: Cost = DEFAULT_COST) -> str:
    """What is printed. KeyFileError on a short passphrase."""
    sealed = seal(held.text().encode("ascii"), passphrase, _context(workspace_id), cost)
    pieces = [sealed[start : start + _LINE_CHARACTERS] for start in range(0, len(sealed), _LINE_CHARACTERS)]
    # A blank at the end of a line is lost in copying; a line says where it has one.
    lines = [_numbered(number, piece.replace(" ", "_")) for number, piece in enumerate(pieces, start=1)]
    head = [
        _TITLE,
        f"workspace: {workspace_id}",
        f"made: {at.date().isoformat()}; generation {held.generation} of the key",
        "Keep this away from the workspace and from its back-ups, and the passphrase away from both.",
        f"To restore: leaktrace -w WORKSPACE keys restore THIS-FILE. {len(lines)} lines follow.",
        "",
    ]
    return "\n".join([*head, *lines]) + "\n"


def read_backup(raw: bytes) -> Backup:
    """The back-up in a file, typed or copied. KeyFileError names the line that is wrong or missing."""
    text = raw[:_MAX_BYTES].decode("utf-8", "replace")
    found = re.search(r"^\s*workspace: ([0-9a-f]{1,64})\s*$", text, re.MULTILINE)
    count = re.search(r"([0-9]+) lines follow\.", text)
    if _TITLE not in text or found is None or count is None:
        raise KeyFileError("This is not a back-up of a leaktrace key.", f"It begins with '{_TITLE}'.")
    pieces: dict[int, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        number, piece = int(match[1]), match[3].strip()
        if _numbered(number, piece) != f"{match[1]} {match[2]} {piece}":
            raise KeyFileError(f"Line {number} of the back-up has a slip in it.", _HINT)
        pieces[number] = piece
    missing = [number for number in range(1, int(count[1]) + 1) if number not in pieces]
    if missing or int(count[1]) != len(pieces):
        raise KeyFileError(f"Line {missing[0] if missing else len(pieces)} of the back-up is missing or amiss.", _HINT)
    return Backup(found[1], "".join(pieces[number] for number in sorted(pieces)).replace("_", " "))


def _numbered(number: int, piece: str) -> str:
    return f"{number:02d} {zlib.crc32(f'{number} {piece}'.encode()) & 0xFFFF:04x} {piece}"


def _context(workspace_id: str) -> str:
    return f"leaktrace key back-up {workspace_id}"
