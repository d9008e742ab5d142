"""The tables of what mail clients write around a forward (`labels/`, one file per language), ready to look up.

Each word names its sources (`labels/sources.toml`). Add a language by adding a file; no code knows a language.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

Role = Literal["from", "to", "cc", "bcc", "date", "subject", "reply_to", "other"]
Marker = Literal["forwarded", "original", "replied"]
Table = dict[str, list[str]]
"""One language's words by kind."""
SHORTEST_MONTH = {"fi": 5}
"""Languages that do not cut the names of months to three letters (Finnish `mar` is not used for marraskuu)."""
MONTH_KINDS = ("months", "persian_months", "dates", "on_behalf_around")
"""Sections of a file that hold no words of header lines."""
ROLES: tuple[Role, ...] = get_args(Role)
_DASHES = " \t-_=*—–─~#>|【】[]"
_SAME_LETTERS = {"ي": "ی", "ك": "ک", "ţ": "ț", "ş": "ș", "’": "'", "\xa0": " ", "：": ":"}


def plain(text: str) -> str:
    """Text as labels are compared: compatible forms, no case, no invisible marks, single blanks."""
    if text.isascii():
        return " ".join(text.casefold().split())
    text = unicodedata.normalize("NFKC", text).casefold()
    # A text has few different characters: going through it for each of those few is less than looking at every one.
    for letter in set(text):
        if letter in _SAME_LETTERS:
            text = text.replace(letter, _SAME_LETTERS[letter])
        elif letter == "\u0307" or (not letter.isascii() and unicodedata.category(letter) == "Cf"):
            text = text.replace(letter, "")
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Labels:
    """All languages' words, each in `plain` form -> languages that have it."""

    roles: dict[str, dict[Role, frozenset[str]]]
    written: dict[int, dict[str, Role]]
    """Length, longest first -> labels as the tables write them -> role: for lines in which they follow each other
    without a gap. Those of no role are left out."""
    forwarded: frozenset[str]
    forwarded_by: tuple[str, ...]
    """Words that open a line of dashes which goes on with who forwarded the mail, and when."""
    original: frozenset[str]
    replied: frozenset[str]
    forward_prefixes: dict[str, frozenset[str]]
    reply_prefixes: dict[str, frozenset[str]]
    date_above: tuple[str, ...]
    """Words that open a line above the others which says when, without a colon."""
    wrote: tuple[str, ...]
    wrote_languages: dict[str, frozenset[str]]
    on_behalf_of: tuple[str, ...]
    on_behalf_around: tuple[tuple[str, str], ...]
    """Words between and after the two, in languages that say it so."""
    months: dict[str, dict[str, frozenset[int]]]
    """Word -> language -> months; words as they are written and their first three letters or more are looked up."""
    months_of_words: tuple[str, ...]
    """Names of two words; they are looked up without the blank."""
    persian_months: dict[str, int]
    months_elsewhere: dict[str, frozenset[str]]
    """Language -> spellings that its calendar data do not have."""
    numbered_month: re.Pattern[str]
    """Day, month and year, or month, day and year, where a language numbers its months in words."""
    month_numbers: dict[str, int]
    """Number of a month in words -> number."""
    year_first: frozenset[str]
    """Languages whose short dates begin with the year."""
    longest_label: int


@cache
def labels() -> Labels:
    """The tables of the package; read once, never changed."""
    tables = _tables()
    words: dict[str, Table] = {name: _words(table) for name, table in tables.items()}
    roles = _roles(words)
    return Labels(
        roles=roles,
        written=_written(words),
        forwarded=_all_words(words, "forwarded"),
        forwarded_by=_longest_first(words, "forwarded_by"),
        original=_all_words(words, "original"),
        replied=_all_words(words, "replied"),
        forward_prefixes=_prefixes(words, "forward_prefix"),
        reply_prefixes=_prefixes(words, "reply_prefix"),
        date_above=_longest_first(words, "date_above"),
        wrote=_longest_first(words, "wrote"),
        wrote_languages=_languages_by_word(words, "wrote"),
        on_behalf_of=_longest_first(words, "on_behalf_of"),
        on_behalf_around=tuple(
            (one["between"], one["after"]) for table in tables.values() for one in table.get("on_behalf_around", [])
        ),
        months=_months(tables),
        months_of_words=_months_of_words(tables),
        persian_months={
            plain(name): number
            for number, names in enumerate(tables["fa"]["persian_months"]["names"], 1)
            for name in names
        },
        months_elsewhere={
            name: frozenset(plain(word) for words in table["months"]["also"] for word in words)
            for name, table in tables.items()
            if "also" in table.get("months", {})
        },
        numbered_month=_numbered_month(tables, _month_numbers(tables)),
        month_numbers=_month_numbers(tables),
        year_first=frozenset(name for name, table in tables.items() if table.get("dates", {}).get("year_first")),
        longest_label=max(map(len, roles)),
    )


def _numbered_month(tables: dict[str, dict[str, Any]], numbers: dict[str, int]) -> re.Pattern[str]:
    sections = [table.get("dates", {}) for table in tables.values()]
    months = "|".join(re.escape(plain(word)) for section in sections for word in section.get("month_words", []))
    years = "|".join(re.escape(plain(word)) for section in sections for word in section.get("year_words", []))
    number = "|".join((r"\d{1,2}", *sorted(map(re.escape, numbers), key=len, reverse=True)))
    day_first = rf"(?<!\d)(\d{{1,2}})\s?(?:{months})\.?\s?({number})"
    month_first = rf"(?:{months})\.?\s?({number})\s(\d{{1,2}})"
    return re.compile(rf"(?:{day_first}|{month_first}),?\s?(?:(?:{years})\s?)?(\d{{4}})(?!\d)")


def _month_numbers(tables: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {
        plain(word): number
        for table in tables.values()
        for number, words in enumerate(table.get("dates", {}).get("month_numbers", []), 1)
        for word in words
    }


def sources() -> dict[str, dict[str, str]]:
    """Where words were found: id -> `what` and `where`."""
    found: dict[str, dict[str, str]] = tomllib.loads(_folder().joinpath("sources.toml").read_text(encoding="utf-8"))
    return found


def words_with_sources() -> dict[str, dict[str, dict[str, list[str]]]]:
    """Language -> kind -> word as it is written -> ids of its sources."""
    return {
        language: {kind: found for kind, found in table.items() if kind not in MONTH_KINDS}
        for language, table in _tables().items()
    }


def _folder() -> Traversable:
    return resources.files("leaktrace.mailroom").joinpath("labels")


def _tables() -> dict[str, dict[str, Any]]:
    """Every language's file, in the order of their names."""
    files = sorted((one for one in _folder().iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return {
        one.name.removesuffix(".toml"): tomllib.loads(one.read_text(encoding="utf-8"))
        for one in files
        if one.name != "sources.toml"
    }


def _words(table: dict[str, Any]) -> Table:
    return {kind: list(found) for kind, found in table.items() if kind not in MONTH_KINDS}


def _all_words(tables: dict[str, Table], kind: str) -> frozenset[str]:
    return frozenset(plain(word) for table in tables.values() for word in table.get(kind, []))


def _roles(tables: dict[str, Table]) -> dict[str, dict[Role, frozenset[str]]]:
    """Word -> role -> languages; `other` comes last, so that a word that is also a field of its own is that field."""
    found: dict[str, dict[Role, frozenset[str]]] = {}
    for role in ROLES:
        for language, table in tables.items():
            for word in table.get(role, []):
                of_word = found.setdefault(plain(word).rstrip("."), {})
                of_word[role] = of_word.get(role, frozenset()) | {language}
    return found


def _written(tables: dict[str, Table]) -> dict[int, dict[str, Role]]:
    words = {
        (written, role)
        for table in tables.values()
        for role in ROLES
        for word in table.get(role, [])
        for written in (word, word[:1].upper() + word[1:])
        if role != "other"
    }
    found: dict[int, dict[str, Role]] = {}
    for word, role in sorted(words, key=lambda pair: (-len(pair[0]), pair)):
        found.setdefault(len(word), {}).setdefault(word, role)
    return found


def _prefixes(tables: dict[str, Table], kind: str) -> dict[str, frozenset[str]]:
    return _languages_by_word(tables, kind, ends=".")


def _languages_by_word(tables: dict[str, Table], kind: str, *, ends: str = "") -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for language, table in tables.items():
        for word in table.get(kind, []):
            known = plain(word).rstrip(ends)
            found[known] = found.get(known, frozenset()) | {language}
    return found


def _longest_first(tables: dict[str, Table], kind: str) -> tuple[str, ...]:
    return tuple(sorted(_all_words(tables, kind), key=lambda word: (-len(word), word)))


def _months(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, frozenset[int]]]:
    """Whole names, and their beginnings from three letters on where those are no whole name of the language."""
    found: dict[str, dict[str, frozenset[int]]] = {}
    for language, table in tables.items():
        section = table.get("months", {})
        names = [
            (plain(name).replace(" ", "").rstrip("॰"), number)
            for key in ("names", "also")
            for number, of_month in enumerate(section.get(key, []), 1)
            for name in of_month
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


def _months_of_words(tables: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    names = {
        plain(name) for table in tables.values() for names in table.get("months", {}).get("names", []) for name in names
    }
    return tuple(sorted(name for name in names if " " in name))


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
    text = _untagged(plain(subject or "")).lstrip("[(* ")
    word, colon, _ = text.partition(":")
    word = word.rstrip("0123456789[]()^ .")
    if not colon or not word:
        return None
    forward = labels().forward_prefixes.get(word, frozenset())
    reply = labels().reply_prefixes.get(word, frozenset())
    if forward and reply and reply & languages and not forward & languages:
        return "reply"
    if forward:
        return "forward"
    return "reply" if reply else None


_TAG = re.compile(r"\s{0,9}(?:\[[^\[\]]{1,40}\]|\*{2,}[^*]{1,40}\*{2,}|\(?(?:external|extern|ext)\)?:)\s{0,9}(?=\S)")
"""What gateways, ticket systems and lists put before a subject."""
_MOST_TAGS = 4


def _untagged(subject: str) -> str:
    """A subject without the tags before its prefix; a bracket that the prefix itself stands in is none."""
    for _ in range(_MOST_TAGS):
        found = _TAG.match(subject)
        if found is None:
            break
        subject = subject[found.end() :]
    return subject


def without_prefixes(subject: str) -> str:
    """The subject without its first forward prefix."""
    head, colon, rest = subject.replace("：", ":").partition(":")
    if colon and plain(head).lstrip("[( ").rstrip(". ") in labels().forward_prefixes:
        return rest.strip().removesuffix("]" if head.lstrip().startswith("[") else "").strip()
    return subject.strip()
