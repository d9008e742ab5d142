"""The facts duties are judged on: from a frozen exposure list, or from a document that a person wrote."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from leaktrace.caserecords import START_EVENTS, DutyFacts, ExposedGroup, ExposureList, StartEvent
from leaktrace.errors import ResponseError
from leaktrace.response.duties.places import residence_of, spelled

FACTS_SCHEMA = "leaktrace.duty-facts/1"
FACTS: dict[str, str] = {
    "insider": "Somebody inside passed the data on, or a set of insiders did.",
    "risk_unlikely": "A risk to the rights and freedoms of the persons is unlikely.",
    "high_risk": "A high risk to the rights and freedoms of the persons is likely.",
    "harm_avoided": "Measures taken effectively avoid any harm from the leak.",
    "nis2_entity": "The company is an essential or important entity under NIS2 (online marketplaces are in its scope).",
    "established_in_france": "The company is established in France or in a French overseas collectivity.",
    "significant_incident": "The incident is significant: severe disruption, or considerable damage to others.",
    "service_affected": "The incident is likely to affect the service to its recipients adversely.",
    "improper_purpose": "The data were taken with a possibly improper purpose, as by an employee.",
    "outside_access": "Somebody outside got into the system unlawfully.",
    "address_is_login": "The e-mail address is what customers log in with.",
    "password_usable": "The leaked password, hash or answer would let somebody into the account.",
    "code_usable": "The leaked account or card number could be used, with or without a code.",
    "large_scale": "The processing counts as large in scale by number, volume, duration and area.",
    "significant_harm_risk": "There is a real risk of significant harm to a person.",
    "serious_harm_suspected": "There are grounds to suspect that serious harm to a person is likely.",
    "serious_harm_likely": "Serious harm to a person is likely, and remedial action does not prevent it.",
}
"""Fact -> what a yes means. Closed: a rule or a person can name no other."""

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""By how much another machine's clock may be ahead of ours."""
_FIRST: tuple[StartEvent, StartEvent] = ("occurred", "noticed")
_LATER: tuple[StartEvent, ...] = ("aware", "determined", "persons_told", "reported")
_TIME = "Write it with the offset, as 2026-11-27T09:00+01:00. "
UNLISTED = "unlisted"
CEILING_GROUPS = 100_000
CEILING_COUNT = 10**12


@cache
def field_kinds() -> Mapping[str, str]:
    """Name of a field -> its kind."""
    text = files("leaktrace.response.duties").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    kinds: dict[str, list[str]] = tomllib.loads(text)["kinds"]
    return {name: kind for kind, names in kinds.items() for name in names}


def kind_of(name: str) -> str:
    """The kind of a field, `unlisted` where no rule knows it."""
    return field_kinds().get(re.sub(r"[\s\-.]+", "_", name.strip().lower()), UNLISTED)


def kinds_of(names: Iterable[str]) -> tuple[str, ...]:
    """The kinds of fields, each once, sorted."""
    return tuple(sorted({kind_of(name) for name in names}))


def facts_from_exposure(
    exposure: ExposureList,
    *,
    fields_complete: bool | None,
    answers: Mapping[str, bool],
    moments: Mapping[StartEvent, datetime],
    exposure_sha256: str | None = None,
    markets: Iterable[str] = (),
) -> DutyFacts:
    """Facts of a frozen exposure list; whoever is only possibly exposed counts: laws ask about reasonable belief.

    `fields_complete` is what the log's coverage allows to be said (`LogCoverage.allows_fields_statement`); where the
    list itself cannot say which fields were seen, it stays unsaid. `exposure_sha256`: of the list as it was frozen,
    where `exposure` is a copy with pseudonyms.
    """
    counted: Counter[tuple[str | None, tuple[str, ...]]] = Counter(
        (residence_of(row.jurisdiction), kinds_of((*row.fields, *row.widened_by))) for row in exposure.rows
    )
    groups = tuple(
        ExposedGroup(residence, fields, count)
        for (residence, fields), count in sorted(counted.items(), key=lambda one: (one[0][0] or "", one[0][1]))
    )
    said = (
        True if exposure.only_email == "yes" else False if exposure.only_email == "cannot_be_said" else fields_complete
    )
    digest = exposure_sha256 or exposure.sha256()
    return DutyFacts(groups, said, _answers(answers), dict(moments), digest, markets_of(markets))


def facts_from_document(document: Any) -> DutyFacts:
    """Facts as a person wrote them (docs/duties.md has the format); ResponseError says what is wrong with them."""
    if not isinstance(document, dict) or document.get("schema") != FACTS_SCHEMA:
        raise _wrong(f'it does not say "schema": "{FACTS_SCHEMA}"')
    unknown = sorted(set(document) - {"schema", "groups", "fields_complete", "answers", "moments", "markets"})
    if unknown:
        raise _wrong(f"there is no key '{unknown[0]}'")
    complete = document.get("fields_complete")
    if complete is not None and not isinstance(complete, bool):
        raise _wrong("fields_complete is neither true, false nor null")
    groups = document.get("groups")
    if not isinstance(groups, list) or len(groups) > CEILING_GROUPS:
        raise _wrong(f"groups is no list of at most {CEILING_GROUPS} groups")
    answers = document.get("answers", {})
    moments = document.get("moments", {})
    if not isinstance(answers, dict) or not isinstance(moments, dict):
        raise _wrong("answers and moments are tables")
    markets = document.get("markets", [])
    if not isinstance(markets, list) or not all(isinstance(one, str) for one in markets):
        raise _wrong("markets is no list of residences")
    return DutyFacts(
        markets=markets_of(markets),
        groups=tuple(_group(one, number) for number, one in enumerate(groups, 1)),
        fields_complete=complete,
        answers=_answers(answers),
        moments={_event(name): moment_of(value, name) for name, value in moments.items()},
    )


def markets_of(codes: Iterable[str]) -> tuple[str, ...]:
    """Where the company has customers, each code checked."""
    found = [residence_of(code) for code in codes]
    if None in found:
        raise _wrong("a market is no ISO 3166 code such as DE or US-CA")
    return tuple(sorted({code for code in found if code is not None}))


def moment_of(value: Any, name: str) -> datetime:
    """An aware time from its text, in UTC."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _wrong(f"the moment '{name}' is no ISO 8601 time", _TIME) from error
    if at.tzinfo is None:
        raise _wrong(f"the moment '{name}' has no offset from UTC", _TIME)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise _wrong(f"the moment '{name}' lies outside the calendar") from error


def require_past(moments: Mapping[StartEvent, datetime], now: datetime) -> None:
    """ResponseError for a moment that has not come: nothing runs from it yet, however far its deadline seems."""
    # `noticed` last: where nobody said it, it is that of `aware`.
    for name, at in sorted(moments.items(), key=lambda one: one[0] == "noticed"):
        if at > now + CLOCK_DIFFERENCE:
            raise ResponseError(
                f"The moment '{name}' ({at.isoformat(timespec='minutes')}) has not come yet: it is "
                f"{now.isoformat(timespec='minutes')} now.",
                "Say when it was, with the offset from UTC; leave it out until it has happened.",
            )


def require_order(moments: Mapping[StartEvent, datetime]) -> None:
    """ResponseError where a leak was noticed before it began, or known, told or reported before it was noticed: a wrong
    moment moves a deadline.
    """
    for first, later in (_FIRST, *((one, two) for one in _FIRST for two in _LATER)):
        if first in moments and later in moments and moments[later] < moments[first]:
            raise ResponseError(
                f"The moment '{later}' ({moments[later].isoformat(timespec='minutes')}) is before '{first}' "
                f"({moments[first].isoformat(timespec='minutes')}).",
                "Put right whichever is wrong; their offsets from UTC count.",
            )


def _event(name: str) -> StartEvent:
    for event in START_EVENTS:
        if name == event:
            return event
    raise _wrong(f"there is no moment '{name}'; there are {', '.join(START_EVENTS)}")


def _answers(given: Mapping[Any, Any]) -> dict[str, bool]:
    for name, value in given.items():
        if name not in FACTS:
            raise _wrong(f"there is no fact '{name}'")
        if not isinstance(value, bool):
            raise _wrong(f"the fact '{name}' is neither true nor false; leave it out where it is not known")
    return dict(given)


def _group(one: Any, number: int) -> ExposedGroup:
    if not isinstance(one, dict) or set(one) - {"residence", "fields", "count"}:
        raise _wrong(f"group {number} has other keys than residence, fields, count")
    residence, names, count = one.get("residence"), one.get("fields"), one.get("count")
    # A code without a country behind it (EU, XX) is a residence that nobody knows; words are a slip to be put right.
    if residence is not None and (not isinstance(residence, str) or spelled(residence) is None):
        raise _wrong(f"the residence of group {number} is no ISO 3166 code such as DE or US-CA, and not null")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong(f"the fields of group {number} are no list of names")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= CEILING_COUNT:
        raise _wrong(f"the count of group {number} is no whole number of persons")
    return ExposedGroup(residence_of(residence), kinds_of(names), count)


def _wrong(why: str, hint: str = "") -> ResponseError:
    hint = f"{hint}docs/duties.md has the format."
    return ResponseError(f"These are not facts that duties can be judged on: {why}.", hint)
