"""Authentication-Results values (RFC 8601, section 2.2) taken apart.

What a server writes there it has from strangers: a sender's address may hold `; dkim=pass` in quotes. So comments and
quoted texts are told apart from the rest before anything is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

VALUE_CEILING_CHARACTERS = 4000
_MEANS_SOMETHING = " \t\r\n;=()"
_QUOTED = str.maketrans({character: chr(0xE000 + at) for at, character in enumerate(_MEANS_SOMETHING)})
"""Quoted characters stand aside in a private range while the rest is split."""
_UNQUOTED = str.maketrans({chr(0xE000 + at): character for at, character in enumerate(_MEANS_SOMETHING)})
_AROUND_EQUALS = re.compile(r"[ \t\r\n]*=[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a server found by one method."""

    method: str
    result: str
    properties: Mapping[str, str]
    """`smtp.mailfrom`, `header.d`: the first of each name."""
    comments: str = ""
    """What stands in brackets beside it: for people, and written by nobody in particular."""


@dataclass(frozen=True, slots=True)
class Results:
    """One field."""

    server: str
    """Its authserv-id, in lower case; of an ARC field its instance."""
    statements: tuple[Statement, ...]


def read_results(value: str) -> Results:
    """The statements of a value; what is none of the form `method=result` is passed over."""
    pieces = [_piece(plain, comments) for plain, comments in _split(value[:VALUE_CEILING_CHARACTERS])]
    first = next(iter(pieces[0][0]), "").translate(_UNQUOTED).lower() if pieces else ""
    found = (_statement(words, comments) for words, comments in pieces[1:])
    return Results(first, tuple(one for one in found if one is not None))


def domain_in(value: str) -> str:
    """The domain of an address or of a domain, in lower case."""
    return value.rpartition("@")[2].rstrip(".").lower()


def _split(value: str) -> list[tuple[str, str]]:
    """Text and comments of each piece between semicolons; quoted characters are aside."""
    value = value.translate(_PRIVATE)
    pieces: list[tuple[list[str], list[str]]] = [([], [])]
    depth, quoted, at = 0, False, 0
    while at < len(value):
        character = value[at]
        plain, comments = pieces[-1]
        if character == "\\" and (depth or quoted):
            at += 1
            (comments if depth else plain).append(value[at : at + 1].translate(_QUOTED))
        elif character == '"' and not depth:
            quoted = not quoted
        elif quoted:
            plain.append(character.translate(_QUOTED))
        elif character in "()":
            depth = max(depth + (1 if character == "(" else -1), 0)
            (comments if depth else plain).append(" ")
        elif depth:
            comments.append(character)
        elif character == ";":
            pieces.append(([], []))
        else:
            plain.append(character)
        at += 1
    return [("".join(plain), "".join(comments)) for plain, comments in pieces]


_PRIVATE = {0xE000 + at: "?" for at in range(len(_MEANS_SOMETHING))}


def _piece(plain: str, comments: str) -> tuple[list[str], str]:
    return _AROUND_EQUALS.sub("=", plain).split(), " ".join(comments.translate(_UNQUOTED).split())


def _statement(words: list[str], comments: str) -> Statement | None:
    if not words:
        return None
    method, equals, result = (text.translate(_UNQUOTED) for text in words[0].partition("="))
    if not equals:
        return None
    properties: dict[str, str] = {}
    for word in words[1:]:
        name, equals, text = word.partition("=")
        if equals:
            properties.setdefault(name.translate(_UNQUOTED).lower(), text.translate(_UNQUOTED))
    return Statement(method.partition("/")[0].lower(), result.lower(), properties, comments)
