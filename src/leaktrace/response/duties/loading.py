"""Reads rule files; a file that leaves something out is refused, so that no duty is lost by a slip of the pen."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from leaktrace.caserecords import START_EVENTS, Told
from leaktrace.errors import ResponseError
from leaktrace.response.duties.facts import FACTS, UNLISTED, field_kinds
from leaktrace.response.duties.model import CLOCK_UNITS, FORBIDDEN, Clock, Law, Presumption, Rule
from leaktrace.response.duties.places import residence_of
from leaktrace.response.duties.syntax import Condition, parse

SCHEMA = "leaktrace.law/1"
CEILING_BYTES = 200_000
_LAW_KEYS: Final = {
    "schema": str,
    "id": str,
    "law": str,
    "place": str,
    "residences": list,
    "covers": str,
    "time_zone": str,
    "valid_from": date,
    "source": str,
    "text_at_hand": bool,
    "checked_on": str,
    "duty": list,
}
_LAW_OPTIONAL: Final = {"valid_to": date, "no_duty_found": bool}
_RULE_KEYS: Final = {
    "id": str,
    "article": str,
    "told": str,
    "recipient": str,
    "asks": str,
    "trigger": str,
    "start": str,
    "clock": dict,
    "basis": str,
    "required_content": list,
    "forbidden_content": list,
    "channels": list,
}
_RULE_OPTIONAL: Final = {"presume": list, "quotation": str}
_PRESUMPTION_KEYS: Final = {"fact": str, "value": bool, "when": str, "because": str}
_TOLD: dict[str, Told] = {
    "authority": "authority",
    "persons": "persons",
    "record": "record",
    "assessment": "assessment",
}


@cache
def builtin_laws() -> tuple[Law, ...]:
    """The laws that come with the program, by id."""
    folder = files("leaktrace.response.duties").joinpath("rules")
    texts = {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml")}
    return laws_from_texts(texts)


def laws_from_folder(folder: Path) -> tuple[Law, ...]:
    """The laws of a folder of rule files, which stand instead of those that come with the program."""
    try:
        paths = sorted(folder.glob("*.toml"))
        texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ResponseError(
            f"The rules in {folder} cannot be read: {error}.", "Give a folder of .toml files."
        ) from error
    if not texts:
        raise ResponseError(f"There is no rule file in {folder}.", "They end in .toml; docs/duties.md shows one.")
    return laws_from_texts(texts)


def laws_from_texts(texts: Mapping[str, str]) -> tuple[Law, ...]:
    """The laws of several rule files, by id; two rules of one id are refused."""
    laws = tuple(sorted((law_from_text(text, name) for name, text in texts.items()), key=lambda law: law.id))
    seen: set[str] = set()
    for id_ in [law.id for law in laws] + [rule.id for law in laws for rule in law.rules]:
        if id_ in seen:
            raise ResponseError(f"Two laws or duties are called '{id_}'.", "Give each its own id.")
        seen.add(id_)
    return laws


def laws_digest(laws: Iterable[Law]) -> str:
    """SHA-256 over everything the rules say: two assessments with the same digest asked the same."""
    return hashlib.sha256(repr(tuple(laws)).encode()).hexdigest()


def law_from_text(text: str, place: str) -> Law:
    """The law of one rule file; ResponseError, which begins with `place`, where something is missing or wrong."""
    if len(text.encode()) > CEILING_BYTES:
        raise _wrong(place, f"it is larger than {CEILING_BYTES} bytes")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(place, f"it is not TOML: {error}") from error
    _check(document, _LAW_KEYS, _LAW_OPTIONAL, place)
    if document["schema"] != SCHEMA:
        raise _wrong(place, f"it does not say schema = '{SCHEMA}'")
    residences = _texts(document["residences"], f"{place}: residences")
    if wrong := [code for code in residences if residence_of(code) != code]:
        raise _wrong(place, f"'{wrong[0]}' is no ISO 3166 code")
    law = Law(
        id=document["id"],
        law=document["law"],
        place=document["place"],
        residences=residences,
        covers=_condition(document["covers"], place),
        time_zone=document["time_zone"],
        valid_from=document["valid_from"],
        valid_to=document.get("valid_to"),
        source=document["source"],
        text_at_hand=document["text_at_hand"],
        checked_on=_checked_on(document["checked_on"], place),
        no_duty_found=document.get("no_duty_found", False),
        rules=tuple(_rule(one, f"{place}: duty {number}") for number, one in enumerate(document["duty"], 1)),
    )
    return _whole(law, place)


def _whole(law: Law, place: str) -> Law:
    """The law, when it is consistent with itself."""
    if not law.rules:
        raise _wrong(place, "it has no [[duty]]")
    if not law.residences:
        raise _wrong(place, "it names no residences")
    if law.valid_to is not None and law.valid_to < law.valid_from:
        raise _wrong(place, "it ends before it begins")
    if any(rule.quotation for rule in law.rules) and not law.text_at_hand:
        raise _wrong(place, "it quotes a text that was not at hand")
    return law


def _rule(one: Any, place: str) -> Rule:
    if not isinstance(one, dict):
        raise _wrong(place, "it is no table")
    _check(one, _RULE_KEYS, _RULE_OPTIONAL, place)
    if one["told"] not in _TOLD:
        raise _wrong(place, f"told is none of {', '.join(_TOLD)}")
    start = next((event for event in START_EVENTS if event == one["start"]), None)
    if start is None:
        raise _wrong(place, f"start is none of {', '.join(START_EVENTS)}")
    forbidden = tuple(word for word in FORBIDDEN if word in one["forbidden_content"])
    if len(forbidden) != len(one["forbidden_content"]):
        raise _wrong(place, f"forbidden_content may hold {', '.join(FORBIDDEN)}")
    return Rule(
        id=one["id"],
        article=one["article"],
        told=_TOLD[one["told"]],
        recipient=one["recipient"],
        asks=one["asks"],
        trigger=_condition(one["trigger"], place),
        start=start,
        clock=_clock(one["clock"], place),
        basis=one["basis"],
        presume=tuple(_presumption(each, place) for each in one.get("presume", [])),
        required_content=_texts(one["required_content"], f"{place}: required_content"),
        forbidden_content=forbidden,
        channels=_texts(one["channels"], f"{place}: channels"),
        quotation=one.get("quotation", ""),
    )


def _presumption(one: Any, place: str) -> Presumption:
    if not isinstance(one, dict):
        raise _wrong(place, "a presumption is no table")
    _check(one, _PRESUMPTION_KEYS, {}, f"{place}: presume")
    if one["fact"] not in FACTS:
        raise _wrong(place, f"there is no fact '{one['fact']}' to presume")
    return Presumption(one["fact"], one["value"], _condition(one["when"], place), one["because"])


def _clock(one: dict[str, Any], place: str) -> Clock:
    calendar = one.get("calendar", "")
    given = [unit for unit in CLOCK_UNITS if unit in one]
    if len(given) != 1 or set(one) - {given[0], "calendar"}:
        raise _wrong(place, f"clock has to be one of {', '.join(CLOCK_UNITS)}, business_days with a calendar")
    (unit,) = given
    value = one[unit]
    if (unit == "business_days") != bool(calendar):
        raise _wrong(place, "business days, and they alone, need a calendar")
    if unit == "words":
        if not isinstance(value, str) or not value:
            raise _wrong(place, "the clock's words are missing")
        return Clock("words", words=value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
        raise _wrong(place, "the clock is no whole number from 1 to 10000")
    return Clock(unit, number=value, calendar=calendar)


def _condition(text: str, place: str) -> Condition:
    try:
        return parse(text, facts=FACTS, fields=set(field_kinds().values()) - {UNLISTED})
    except ResponseError as error:
        raise ResponseError(f"{place}: {error.message}", error.hint) from error


def _checked_on(text: str, place: str) -> date | None:
    """The day a lawyer checked the rules; stays empty until one did."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _wrong(place, "checked_on is neither empty nor a day such as 2027-01-31") from error


def _check(table: dict[str, Any], needed: Mapping[str, type], optional: Mapping[str, type], place: str) -> None:
    if missing := sorted(set(needed) - set(table)):
        raise _wrong(place, f"'{missing[0]}' is missing")
    if unknown := sorted(set(table) - set(needed) - set(optional)):
        raise _wrong(place, f"there is no key '{unknown[0]}'")
    for key, value in table.items():
        kind = needed.get(key) or optional[key]
        if type(value) is not kind:
            raise _wrong(place, f"'{key}' is of the wrong kind")
        if kind is str and not value and key != "checked_on":
            raise _wrong(place, f"'{key}' is empty")


def _texts(values: list[Any], place: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) and value for value in values):
        raise _wrong(place, "it is no list of texts")
    return tuple(values)


def _wrong(place: str, why: str) -> ResponseError:
    return ResponseError(f"{place}: {why}.", "docs/duties.md shows what a rule file holds.")
