"""Names that stand for principals (`P-…`) and customers (`C-…`) in one case. Pure.

A pseudonym is the beginning of a keyed hash of case, kind and name, in base32 without letters that look alike: without
the workspace's key nobody can tell whose it is, and the same person has another pseudonym in every case. Two names that
begin alike are told apart by making the later one longer; nobody's pseudonym ever changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from leaktrace.errors import CaseError

NameKind = Literal["principal", "customer"]
Tag = Callable[[bytes], str]
"""Keyed hash of bytes, hex (`Keyring.log_tag`)."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: no i, l, o, u."""
_PREFIX: Mapping[NameKind, str] = {"principal": "P", "customer": "C"}
_FIRST: Mapping[NameKind, int] = {"principal": 4, "customer": 6}
"""Letters of a pseudonym: 20 and 30 bits; more where two begin alike."""
_MOST = 24
PSEUDONYM = re.compile(r"[PC]-[0-9a-hjkmnp-tv-z]{4,24}")


def code_of(tag: Tag, case: str, kind: NameKind, name: str) -> str:
    """The whole keyed code that a pseudonym is the beginning of: 48 letters."""
    bound = b"\0".join(
        (b"leaktrace case pseudonym", case.encode(), kind.encode(), name.encode("utf-8", "surrogatepass"))
    )
    number = int(tag(bound)[:60], 16)
    letters = []
    for _ in range(48):
        number, place = divmod(number, 32)
        letters.append(_ALPHABET[place])
    return "".join(letters)


def pseudonym_for(tag: Tag, case: str, kind: NameKind, name: str, taken: Callable[[str], str | None]) -> str:
    """The shortest beginning that nobody else has. `taken`: the name that has a pseudonym already, or None."""
    code = code_of(tag, case, kind, name)
    for length in range(_FIRST[kind], _MOST + 1):
        candidate = f"{_PREFIX[kind]}-{code[:length]}"
        if taken(candidate) in (None, name):
            return candidate
    raise CaseError(  # 2^-120: a damaged store, not chance
        "No free pseudonym was found.", "The store of pseudonyms is damaged: restore the workspace from a backup."
    )


def replaced(text: str, names: Mapping[str, str]) -> str:
    """The text with each of these names, as a whole word, replaced by its pseudonym; longer names first."""
    if not names:
        return text
    ordered = sorted(names, key=len, reverse=True)
    found = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in ordered))
    return found.sub(lambda match: names[match.group()], text)
