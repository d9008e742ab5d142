"""The words automatic answers and complaints are known by (`notices.toml`), ready to look up."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from leaktrace.mailroom.labels import plain


@dataclass(frozen=True, slots=True)
class Notices:
    """Beginnings of subjects and senders, and words, all in `plain` form."""

    bounce_subjects: tuple[str, ...]
    bounce_senders: tuple[str, ...]
    autoreply_subjects: tuple[str, ...]
    complaint_words: tuple[str, ...]


@cache
def notices() -> Notices:
    """The tables of the package; read once, never changed."""
    text = resources.files("leaktrace.mailroom").joinpath("notices.toml").read_text(encoding="utf-8")
    tables: dict[str, list[str]] = tomllib.loads(text)
    return Notices(**{name: tuple(sorted({plain(word) for word in words})) for name, words in tables.items()})
