"""The tables of what mail clients write around a forward (`labels.toml`), ready to look up."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, get_args

Role = Literal["from", "to", "cc", "bcc", "date", "subject", "reply_to", "other"]
Marker = Literal["forwarded", "original", "replied"]
Table = dict[str, list[str]]
"""One language's words by kind."""
SHORTEST_MONTH = {"fi": 5}
"""Languages that do not cut the names of months to three letters (Finnish `mar` is not used for marraskuu)."""
ROLES: tuple[Role, ...] = get_args(Role)
_DASHES = " \t-_=*—–─~#>|【】[]"
_SAME_LETTERS = str.maketrans({"ي": "ی", "ك": "ک", "ţ": "ț", "ş": "ș", "’": "'", "\xa0": " ", "：": ":"})


def plain(text: str) -> str:
    """Text as labels are compared: compatible forms, no case, no invisible marks, single blanks."""
    if text.isascii():
        return " ".join(text.casefold().translate(_SAME_LETTERS).split())
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" and c != "\u0307")
    return " ".join(text.translate(_SAME_LETTERS).split())


@dataclass(frozen=True, slots=True)
class Labels:
    """All languages' words, each in `plain` form -> languages that have it."""

    roles: dict[str, dict[Role, frozenset[str]]]
    written: tuple[tuple[str, Role], ...]
    """Labels as the tables write them, longest first: for lines in which they follow each other without a gap."""
    forwarded: frozenset[str]
    original: frozenset[str]
    replied: frozenset[str]
    forward_prefixes: dict[str, frozenset[str]]
    reply_prefixes: dict[str, frozenset[str]]
    wrote: tuple[str, ...]
    on_behalf_of: tuple[str, ...]
    months: dict[str, dict[str, frozenset[int]]]
    """Word -> language -> months; words as they are written and their first three letters or more are looked up."""
    persian_months: dict[str, int]
    longest_label: int


@cache
def labels() -> Labels:
    """The tables of the package; read once, never changed."""
    text = resources.files("leaktrace.mailroom").joinpath("labels.toml").read_text(encoding="utf-8")
    tables: dict[str, Table] = tomllib.loads(text)
    roles = _roles(tables)
    return Labels(
        roles=roles,
        written=_written(tables),
        forwarded=_all_words(tables, "forwarded"),
        original=_all_words(tables, "original"),
        replied=_all_words(tables, "replied"),
        forward_prefixes=_prefixes(tables, "forward_prefix"),
        reply_prefixes=_prefixes(tables, "reply_prefix"),
        wrote=_longest_first(tables, "wrote"),
        on_behalf_of=_longest_first(tables, "on_behalf_of"),
        months=_months(tables),
        persian_months={
            plain(word): number + 1
            for number, words in enumerate(tables["fa"]["persian_months"])
            for word in words.split()
        },
        longest_label=max(map(len, roles)),
    )


def _all_words(tables: dict[str, Table], kind: str) -> frozenset[str]:
    return frozenset(plain(word) for table in tables.values() for word in table.get(kind, []))


def _roles(tables: dict[str, Table]) -> dict[str, dict[Role, frozenset[str]]]:
    found: dict[str, dict[Role, frozenset[str]]] = {}
    for language, table in tables.items():
        for role in ROLES:
            for word in table.get(role, []):
                of_word = found.setdefault(plain(word), {})
                of_word[role] = of_word.get(role, frozenset()) | {language}
    return found


def _written(tables: dict[str, Table]) -> tuple[tuple[str, Role], ...]:
    words = {(word, role) for table in tables.values() for role in ROLES for word in table.get(role, [])}
    return tuple(sorted(words, key=lambda pair: (-len(pair[0]), pair)))


def _prefixes(tables: dict[str, Table], kind: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for language, table in tables.items():
        for word in table.get(kind, []):
            found[plain(word)] = found.get(plain(word), frozenset()) | {language}
    return found


def _longest_first(tables: dict[str, Table], kind: str) -> tuple[str, ...]:
    return tuple(sorted(_all_words(tables, kind), key=lambda word: (-len(word), word)))


def _months(tables: dict[str, Table]) -> dict[str, dict[str, frozenset[int]]]:
    """Whole names, and their beginnings from three letters on where those are no whole name of the language."""
    found: dict[str, dict[str, frozenset[int]]] = {}
    for language, table in tables.items():
        names = [
            (plain(name), number) for number, names in enumerate(table.get("months", []), 1) for name in names.split()
        ]
        whole = {name for name, _ in names}
        for name, number in names:
            shortest = min(SHORTEST_MONTH.get(language, 3), len(name))
            for length in range(shortest, len(name) + 1):
                if length < len(name) and name[:length] in whole:
                    continue
                by_language = found.setdefault(name[:length], {})
                by_language[language] = by_language.get(language, frozenset()) | {number}
    return found


def marker_of(line: str) -> Marker | None:
    """Whether a line opens a forward, a reply, or either; decoration around the words does not matter."""
    if len(line) > 200:
        return None
    words = plain(line).strip(_DASHES).removesuffix(":").strip(_DASHES)
    if words in labels().forwarded:
        return "forwarded"
    if words in labels().replied:
        return "replied"
    return "original" if words in labels().original else None


def subject_says(subject: str | None, languages: frozenset[str]) -> Literal["forward", "reply"] | None:
    """What a subject's first prefix says; one that means both is read in the languages of the header lines."""
    text = plain(subject or "").lstrip("[(* ")
    word, colon, _ = text.partition(":")
    word = word.rstrip("0123456789[]()^ ")
    if not colon or not word:
        return None
    forward = labels().forward_prefixes.get(word, frozenset())
    reply = labels().reply_prefixes.get(word, frozenset())
    if forward and reply and reply & languages and not forward & languages:
        return "reply"
    if forward:
        return "forward"
    return "reply" if reply else None


def without_prefixes(subject: str) -> str:
    """The subject without its first forward prefix."""
    head, colon, rest = subject.replace("：", ":").partition(":")
    if colon and plain(head).lstrip("[( ") in labels().forward_prefixes:
        return rest.strip().removesuffix("]" if head.lstrip().startswith("[") else "").strip()
    return subject.strip()
