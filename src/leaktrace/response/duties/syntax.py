"""The language in which a rule says when it binds: a closed grammar, parsed by hand, with ceilings.

    condition  := both ("or" both)*
    both       := denied ("and" denied)*
    denied     := "not" denied | "(" condition ")" | atom
    atom       := "always" | "never" | FACT
                | "fields" "has" ["any" | "all"] names
                | "fields" "only" names
                | ("count" | "residents" "(" TEXT ")") ("<" | "<=" | ">" | ">=" | "==") NUMBER
    names      := TEXT | "(" TEXT ("," TEXT)* ")"

TEXT stands in double quotes, NUMBER is a whole number, FACT a word from the closed list of facts. There is no
arithmetic, no call, no access to anything else: a rule file can ask, and can do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from leaktrace.errors import ResponseError

CEILING_CHARACTERS = 2000
CEILING_DEPTH = 30
CEILING_NUMBER = 10**12

Comparison = Literal["<", "<=", ">", ">=", "=="]
_COMPARISONS: dict[str, Comparison] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=="}
_WORDS = {"and", "or", "not", "always", "never", "fields", "has", "any", "all", "only", "count", "residents"}
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"\\\n]*")|(?P<number>[0-9]+)|(?P<word>[a-z][a-z0-9_]*)|(?P<sign><=|>=|==|[<>(),]))'
)


@dataclass(frozen=True, slots=True)
class Constant:
    """`always` or `never`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a person answers with yes or no."""

    name: str


@dataclass(frozen=True, slots=True)
class Fields:
    """Whether somebody's shown fields include any or all of these, or everybody's are only these."""

    how: Literal["any", "all", "only"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A comparison of a number of persons; `residence` null: those whom the law covers."""

    residence: str | None
    comparison: Comparison
    number: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Both."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one."""

    parts: tuple[Condition, ...]


Condition = Constant | Fact | Fields | Count | Not | And | Or


def parse(text: str, *, facts: Collection[str], fields: Collection[str]) -> Condition:
    """The condition a text says; ResponseError, with the place in the text, where it says none.

    `facts` and `fields` are the words that may stand for a fact and for a kind of field: a misspelt one is an error
    when the rule is read, not a duty that never binds.
    """
    if len(text) > CEILING_CHARACTERS:
        raise _wrong(text[:40], 0, f"it is longer than {CEILING_CHARACTERS} characters")
    parser = _Parser(text, facts, fields)
    condition = parser.condition(0)
    parser.end()
    return condition


def facts_of(condition: Condition) -> tuple[str, ...]:
    """The facts a condition asks for, in the order it names them, each once."""
    match condition:
        case Fact(name):
            return (name,)
        case Not(inner):
            return facts_of(inner)
        case And(parts) | Or(parts):
            return tuple(dict.fromkeys(name for part in parts for name in facts_of(part)))
        case _:
            return ()


def write(condition: Condition) -> str:
    """The condition as text again; parsing that gives the same condition."""
    match condition:
        case Constant(value):
            return "always" if value else "never"
        case Fact(name):
            return name
        case Fields(how, names):
            listed = ", ".join(f'"{name}"' for name in names)
            return f"fields only ({listed})" if how == "only" else f"fields has {how} ({listed})"
        case Count(residence, comparison, number):
            counted = "count" if residence is None else f'residents("{residence}")'
            return f"{counted} {comparison} {number}"
        case Not(inner):
            return f"not {_bracketed(inner)}"
        case And(parts):
            return " and ".join(_bracketed(part) for part in parts)
        case Or(parts):
            return " or ".join(_bracketed(part) for part in parts)


def _bracketed(condition: Condition) -> str:
    return f"({write(condition)})" if isinstance(condition, And | Or) else write(condition)


def _wrong(text: str, place: int, why: str) -> ResponseError:
    return ResponseError(
        f"The condition '{text}' cannot be read at character {place + 1}: {why}.",
        "docs/duties.md shows what a condition may say.",
    )


class _Parser:
    """Reads one condition from left to right."""

    def __init__(self, text: str, facts: Collection[str], fields: Collection[str]) -> None:
        self._text = text
        self._facts = facts
        self._fields = fields
        self._tokens: list[tuple[str, str, int]] = []
        place = 0
        stripped_end = len(text.rstrip())
        while place < stripped_end:
            found = _TOKEN.match(text, place)
            if found is None:
                raise _wrong(text, place, "there is a character that means nothing here")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found.group(kind), found.start(kind)))
            place = found.end()
        self._next = 0

    def condition(self, depth: int) -> Condition:
        if depth > CEILING_DEPTH:
            raise self._unexpected(f"it is nested more than {CEILING_DEPTH} deep")
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._unexpected("it goes on where it should end")

    def _both(self, depth: int) -> Condition:
        parts = [self._denied(depth)]
        while self._take("and"):
            parts.append(self._denied(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _denied(self, depth: int) -> Condition:
        if depth > CEILING_DEPTH:
            raise self._unexpected(f"it is nested more than {CEILING_DEPTH} deep")
        if self._take("not"):
            return Not(self._denied(depth + 1))
        if self._take("("):
            inner = self.condition(depth + 1)
            self._need(")")
            return inner
        return self._atom()

    def _atom(self) -> Condition:
        if self._take("always"):
            return Constant(True)
        if self._take("never"):
            return Constant(False)
        if self._take("fields"):
            return self._field_atom()
        if self._take("count"):
            return self._comparison(None)
        if self._take("residents"):
            self._need("(")
            residence = self._quoted()
            self._need(")")
            return self._comparison(residence)
        kind, word, _ = self._peek()
        if kind == "word" and word in self._facts and word not in _WORDS:
            self._next += 1
            return Fact(word)
        raise self._unexpected(
            "there is no such fact" if kind == "word" and word not in _WORDS else "a fact is missing"
        )

    def _field_atom(self) -> Fields:
        if self._take("only"):
            return Fields("only", self._names())
        self._need("has")
        how: Literal["any", "all"] = "all" if self._take("all") else "any"
        if how == "any":
            self._take("any")
        return Fields(how, self._names())

    def _names(self) -> tuple[str, ...]:
        if not self._take("("):
            return (self._field(),)
        names = [self._field()]
        while self._take(","):
            names.append(self._field())
        self._need(")")
        return tuple(names)

    def _field(self) -> str:
        name = self._quoted()
        if name not in self._fields:
            self._next -= 1
            raise self._unexpected(f"'{name}' is no kind of field")
        return name

    def _quoted(self) -> str:
        kind, word, _ = self._peek()
        if kind != "text":
            raise self._unexpected("a text in double quotes is missing")
        self._next += 1
        return word[1:-1]

    def _comparison(self, residence: str | None) -> Count:
        kind, sign, _ = self._peek()
        if kind != "sign" or sign not in _COMPARISONS:
            raise self._unexpected("a comparison is missing")
        self._next += 1
        kind, digits, _ = self._peek()
        if kind != "number" or len(digits) > 13 or int(digits) > CEILING_NUMBER:
            raise self._unexpected("a whole number is missing, or it is too large")
        self._next += 1
        return Count(residence, _COMPARISONS[sign], int(digits))

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "", len(self._text))

    def _take(self, word: str) -> bool:
        kind, found, _ = self._peek()
        if kind in {"word", "sign"} and found == word:
            self._next += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected(f"'{word}' is missing")

    def _unexpected(self, why: str) -> ResponseError:
        return _wrong(self._text, self._peek()[2], why)
