"""The bag around the files: BagIt 1.0 (RFC 8493), with names that every file system takes as they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from leaktrace import __version__
from leaktrace.errors import ResponseError

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def check_names(names: Mapping[str, bytes]) -> None:
    """ResponseError for a name that another system might read as another one, or not at all."""
    folded: dict[str, str] = {}
    for name in names:
        if not _PLAIN_NAME.fullmatch(name):
            raise ResponseError(
                f"A bundle takes no file of the name {name!r}.", "Use plain letters, digits, . _ and -."
            )
        if folded.setdefault(name.lower(), name) != name:
            raise ResponseError(f"{name} and {folded[name.lower()]} differ in case only.", "Rename one of them.")


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Digest and name of each file, by name (RFC 8493, section 2.1.3)."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode("ascii")


def bag_info(case: str, title: str, recipient: str, written_at: datetime, payload: Mapping[str, bytes]) -> bytes:
    """`bag-info.txt`: what the bag is, for people and for tools that count."""
    fields = (
        ("Bag-Software-Agent", f"leaktrace {__version__}"),
        ("Bagging-Date", f"{written_at:%Y-%m-%d}"),
        ("External-Identifier", case),
        ("External-Description", title),
        ("Handed-To", recipient),
        ("Payload-Oxum", f"{sum(len(content) for content in payload.values())}.{len(payload)}"),
    )
    return "".join(f"{label}: {_one_line(value)}\n" for label, value in fields).encode()


def _one_line(text: str) -> str:
    """Free text without what would end the line, or begin another field (RFC 8493, section 2.2.2)."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split()) or "-"
