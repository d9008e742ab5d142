"""What an auditor is shown: everything that was done, nothing that people wrote."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import CONCERNED, EVENT_KINDS, ActionRequested, CaseOpened, NoteAdded, PersonLockedOut
from leaktrace.cases.auditing import WRITTEN_BY_PEOPLE, masked
from leaktrace.eventwords import event_sentence
from tests.cases.small_cases import SELLER, Company, full_company

WHO = "Karl Ahrens of team 4"
"""A name that was typed: no list of ids finds it."""
NOT_WRITTEN = {
    "actor", "campaign", "check", "detail", "envelope_sha256", "exhibit", "gate", "key_id", "language", "media_type",
    "outcome", "person", "pseudonym", "public_key", "reader", "recipient", "request", "seller", "seller_probability",
    "sha256", "step", "subject", "target", "template", "version", "parameters_sha256", "previous_sha256", "kind",
    "exposure_sha256", "manifest_sha256", "principal", "rules_digest",
}  # fmt: skip
"""Text fields that hold ids, closed words, digests, the program's own words, or to whom something went."""


def test_every_text_of_every_event_is_sorted() -> None:
    texts = set()
    for kind in EVENT_KINDS.values():
        hints = typing.get_type_hints(kind)
        texts |= {one.name for one in dataclasses.fields(kind) if hints[one.name] in (str, str | None)}
    assert texts <= WRITTEN_BY_PEOPLE | NOT_WRITTEN, texts - WRITTEN_BY_PEOPLE - NOT_WRITTEN
    assert texts >= WRITTEN_BY_PEOPLE


@pytest.mark.parametrize(("text", "shown"), [("", ""), (" ", " "), (CONCERNED, CONCERNED), ("abc", "(3 characters)")])
def test_how_much_was_written_is_told(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    company = full_company(tmp_path / "company")
    yield company
    company.close()


def _spoken(company: Company, events: tuple[Any, ...]) -> str:
    return " ".join(f"{one.event!r} {event_sentence(one.event)}" for one in events)


def test_an_auditor_reads_no_word_that_somebody_wrote(company: Company) -> None:
    ina, dana, case = company.work("ina"), company.work("dana"), company.case
    ina.note(case, f"{WHO} was seen")
    ina.store_exhibit(case, "other", f"Letter of {WHO}", b"x", "text/plain")
    ina.answer_check(case, company.subject, "absent", "no", f"{WHO} says so")
    request = ina.request(case, "contain_seller", SELLER, {}, f"{WHO} asked").asked.request
    dana.approve(case, request, f"{WHO} agreed")
    refused = ina.request(case, "contain_seller", SELLER, {}, f"{WHO} asked again").asked.request
    dana.refuse(case, refused, f"{WHO} disagrees")
    other = ina.open_case(f"What {WHO} did", "hand", f"{WHO}, again").case
    whole = _spoken(company, ina.timeline(case)) + _spoken(company, ina.timeline(other))
    # Without the guard the auditor would read it as the investigator does.
    assert whole.count(WHO) >= 10
    aud = company.work("aud")
    audited = (*aud.events(case), *aud.events(other))
    assert WHO not in _spoken(company, audited)
    assert WHO not in repr(aud.approvals(case))
    assert WHO in repr(ina.approvals(case))
    assert WHO not in repr(aud.cases())
    # Who did what and when is all there, and that something was said.
    assert [(one.entry, one.actor) for one in aud.events(case)] == [
        (one.entry, one.actor) for one in ina.timeline(case)
    ]
    opened = next(one.event for one in audited if isinstance(one.event, CaseOpened))
    assert opened.title.endswith("characters)")
    assert any(isinstance(one.event, NoteAdded) and "characters" in one.event.text for one in audited)
    asked = [one.event for one in audited if isinstance(one.event, ActionRequested)]
    assert SELLER in {one.target for one in asked}


def test_who_was_locked_out_as_concerned_stays_so_for_the_auditor(company: Company) -> None:
    reasons = {
        one.event.reason for one in company.work("aud").events(company.case) if isinstance(one.event, PersonLockedOut)
    }
    assert CONCERNED in reasons
