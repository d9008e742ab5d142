"""The sentences a statement is made of: each one says which claims it stands on and which values it names.

A file of sentences is checked when it is read, so that a company's own wording cannot say more than the case:
1. a sentence names only values of the closed list, and the template can do nothing but name them;
2. no digit stands in it: a number that is typed in is one that nothing stands behind;
3. words that claim something (only, all, police, suspended, blocked …) need the claim that carries them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from leaktrace.errors import ResponseError
from leaktrace.response.statement.claims import CLAIMS, VALUES

SCHEMA = "leaktrace.sentences/1"
CEILING_BYTES = 100_000
TELLS = ("nature_of_breach", "number_affected")
"""What laws may forbid a text to say."""
LANGUAGES = ("en", "de")
_BOUND_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        r"only|solely|exclusively|nothing else|no other|no further|no password": ("only_email",),
        r"all customers|every customer|everybody|everyone": ("all_told",),
        r"police|prosecutor": ("police",),
        r"suspended|revoked": ("contained",),
        r"blocked|banned": ("seller_blocked",),
        r"inside|insider|employees?|staff": ("insider",),
        r"at least|at most|fewer than|more than|hundreds|thousands|millions?|dozens": ("numbers_allowed",),
    },
    "de": {
        r"nur|ausschließlich|lediglich|keine anderen|keine weiteren|keine passwörter": ("only_email",),
        r"alle|allen|sämtliche": ("all_told",),
        r"polizei|staatsanwaltschaft": ("police",),
        r"zugang ist gesperrt|suspendiert|entzogen": ("contained",),
        r"händler ist .*gesperrt": ("seller_blocked",),
        r"aus dem unternehmen|mitarbeitende\w*|mitarbeiter\w*|beschäftigte\w*": ("insider",),
        r"mindestens|höchstens|weniger als|mehr als|hunderte\w*|tausende\w*|millionen": ("numbers_allowed",),
    },
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence."""

    id: str
    when: tuple[str, ...]
    """Claims that all have to hold."""
    uses: tuple[str, ...]
    tells: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A language's sentences."""

    language: str
    title: str
    fields: dict[str, str]
    """Kind of field -> its words; `other` for any that is not listed."""
    sentences: tuple[Sentence, ...]


def environment() -> ImmutableSandboxedEnvironment:
    """A sandbox without filters, functions or files; a missing value is an error; markup in a value is escaped."""
    made = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    made.filters.clear()
    made.globals.clear()
    made.tests.clear()
    return made


@cache
def builtin_wording(language: str) -> Wording:
    """The sentences that come with the program."""
    if language not in LANGUAGES:
        raise ResponseError(f"There is no statement in '{language}'.", f"There is one in {', '.join(LANGUAGES)}.")
    folder = files("leaktrace.response.statement").joinpath("sentences")
    return wording_from_text(folder.joinpath(f"{language}.toml").read_text(encoding="utf-8"), f"{language}.toml")


def wording_from_text(text: str, place: str) -> Wording:
    """The sentences of a file; ResponseError, which begins with `place`, where one claims what it may not."""
    if len(text.encode()) > CEILING_BYTES:
        raise _wrong(place, f"it is larger than {CEILING_BYTES} bytes")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(place, f"it is not TOML: {error}") from error
    language, title, words = document.get("language"), document.get("title"), document.get("fields")
    if document.get("schema") != SCHEMA or language not in _BOUND_WORDS or not isinstance(title, str):
        raise _wrong(place, f"it needs schema = '{SCHEMA}', a language ({', '.join(_BOUND_WORDS)}) and a title")
    if not isinstance(words, dict) or "other" not in words or not all(isinstance(one, str) for one in words.values()):
        raise _wrong(place, "[fields] has to give words for kinds of fields, and for 'other'")
    _bound(title, (), str(language), f"{place}: title")
    listed = document.get("sentence")
    if not isinstance(listed, list) or not listed:
        raise _wrong(place, "it has no [[sentence]]")
    sentences = tuple(_sentence(one, str(language), f"{place}: sentence {n}") for n, one in enumerate(listed, 1))
    if len({one.id for one in sentences}) < len(sentences):
        raise _wrong(place, "two sentences have one id")
    return Wording(str(language), title, words, sentences)


def _sentence(one: Any, language: str, place: str) -> Sentence:
    if not isinstance(one, dict) or set(one) != {"id", "when", "tells", "text"}:
        raise _wrong(place, "it needs id, when, tells and text, and nothing else")
    if not isinstance(one["id"], str) or not isinstance(one["text"], str):
        raise _wrong(place, "id and text are texts")
    for key, known in (("when", CLAIMS), ("tells", TELLS)):
        if not isinstance(one[key], list) or any(word not in known for word in one[key]):
            raise _wrong(place, f"{key} may name {', '.join(known)}")
    uses = _values_in(one["text"], place)  # 1
    _bound(one["text"], tuple(one["when"]), language, place)
    return Sentence(one["id"], tuple(one["when"]), uses, tuple(one["tells"]), one["text"])


def _values_in(text: str, place: str) -> tuple[str, ...]:
    try:
        tree = environment().parse(text)
    except TemplateSyntaxError as error:
        raise _wrong(place, f"the text cannot be read: {error.message}") from error
    allowed = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, allowed):
            raise _wrong(place, "the text may name values and do nothing with them")
        if isinstance(node, nodes.TemplateData) and re.search(r"\d", node.data):  # 2
            raise _wrong(place, "a number stands in the text that no fact stands behind")
    names = sorted({node.name for node in tree.find_all(nodes.Name)})
    if strange := [name for name in names if name not in VALUES]:
        raise _wrong(place, f"there is no value '{strange[0]}'")
    return tuple(names)


def _bound(text: str, when: tuple[str, ...], language: str, place: str) -> None:
    """3. Claiming words stand on their claims, in whatever sentence they are."""
    for pattern, claims in _BOUND_WORDS[language].items():
        found = re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE)
        if found and not set(claims) & set(when):
            raise _wrong(place, f"'{found.group()}' claims what only {' or '.join(claims)} can carry")


def _wrong(place: str, why: str) -> ResponseError:
    return ResponseError(f"{place}: {why}.", "docs/statement.md shows what a sentence may say.")
