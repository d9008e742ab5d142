"""Which law a notice follows, and what that law asks of its text; the data are in laws.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, field
from importlib import resources

from leaktrace.errors import UsageError
from leaktrace.response.duties.places import spelled

GENERAL = "general"
LANGUAGES = ("en", "de", "fa", "zh", "ja", "es", "fr", "ar", "pt", "ko")
_ALIASES = {"kr": "ko", "jp": "ja", "cn": "zh", "prs": "fa", "per": "fa"}


@dataclass(frozen=True, slots=True)
class Law:
    """What one law asks of a notice."""

    name: str
    says: str
    residences: tuple[str, ...]
    blocks: tuple[str, ...]
    required: tuple[str, ...]
    """Placeholders that must be in the text."""
    forbidden: tuple[str, ...] = ()
    required_blocks: tuple[str, ...] = ()
    forbidden_blocks: tuple[str, ...] = ()
    title: str | None = None
    """Words that must be in the title, in English whatever the language."""
    headings: dict[str, str] = field(default_factory=dict)
    """Block -> words that must be in its heading."""
    no_numbers: bool = False
    """Whether the text may hold no number: how many were affected is one."""
    neutral_subject: bool = False
    needs_consent_to_mail: bool = False
    """Whether a notice by mail counts only where the person agreed to it (E-SIGN Act, 15 USC 7001(c))."""


@functools.cache
def laws() -> dict[str, Law]:
    """Every law by name."""
    text = (resources.files("leaktrace.response.notices") / "laws.toml").read_text(encoding="utf-8")
    return {name: _law(name, values) for name, values in tomllib.loads(text).items()}


def _law(name: str, values: dict[str, object]) -> Law:
    return Law(name, **{key: tuple(one) if isinstance(one, list) else one for key, one in values.items()})  # type: ignore[arg-type]


def law_named(name: str) -> Law:
    """UsageError where there is none."""
    try:
        return laws()[name]
    except KeyError:
        raise UsageError(f"There is no template for the law '{name}'.", f"There are: {', '.join(laws())}.") from None


def law_of(jurisdiction: str | None) -> str:
    """The law whose form of notice somebody living there gets; `general` where none has its own, or it is not known.

    Spelled as the duties spell it: `FR-PF` is French Polynesia, not France. `US-CA` is looked for whole, then by its
    country: California is not Canada.
    """
    asked = spelled(jurisdiction or "")
    if asked is None:
        return GENERAL
    for place in (asked, asked.partition("-")[0]):
        for law in laws().values():
            if place in law.residences:
                return law.name
    return GENERAL


def language_of(locale: str | None, default: str) -> str:
    """The language of a locale (`fa_IR`, `pt-BR`, `zh-Hans-CN`) where there are templates in it, else the default."""
    primary = (locale or "").replace("_", "-").partition("-")[0].strip().lower()
    primary = _ALIASES.get(primary, primary)
    return primary if primary in LANGUAGES else default
