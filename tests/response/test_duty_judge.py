"""The judge: what is not known, residences that are not known, who beats a presumption, and the case's record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.caserecords import DutyFacts, ExposedGroup, ExposureList, ExposureRow, canonical
from leaktrace.errors import ResponseError
from leaktrace.response.duties import (
    DISCLAIMER,
    FACTS,
    assess,
    builtin_laws,
    facts_from_document,
    facts_from_exposure,
    laws_digest,
)
from leaktrace.response.duties.facts import field_kinds, kind_of
from leaktrace.response.duties.loading import law_from_text, laws_from_texts
from leaktrace.response.duties.places import spelled
from leaktrace.response.notices.laws import law_of
from tests.response.duty_samples import CHECKED, MOMENTS, NOW, duty, facts_of

RESIDENCES = st.sampled_from(
    [None, "TR", "US-FL", "DE", "GB", "US", "US-CA", "US-TX", "CN", "IN", "JP", "KR", "BR", "CA", "AU", "IR"]
)
FIELDS = st.sets(st.sampled_from(sorted({*field_kinds().values(), "unlisted"})), min_size=1, max_size=4)
GROUPS = st.lists(
    st.builds(
        ExposedGroup,
        RESIDENCES,
        FIELDS.map(lambda names: tuple(sorted(names))),
        st.sampled_from([0, 1, 250, 501, 1000]),
    ),
    max_size=5,
)
ANSWERS = st.dictionaries(st.sampled_from(sorted(FACTS)), st.booleans())
RANK = {"no": 0, "needs_a_human": 1, "yes": 2}


@given(GROUPS, st.sampled_from([True, False, None]), ANSWERS)
def test_every_rule_answers_whatever_the_facts(
    groups: list[ExposedGroup], complete: bool | None, answers: dict[str, bool]
) -> None:
    assessment = assess(DutyFacts(tuple(groups), complete, answers, MOMENTS), CHECKED, NOW)
    assert len(assessment.duties) == sum(len(law.rules) for law in CHECKED)
    assert assessment.disclaimer == DISCLAIMER
    canonical(assessment)  # nothing in it has two spellings
    for one in assessment.duties:
        assert one.reasons
        assert one.article
        assert one.source
        assert (one.deadline is None) == (one.answer == "no")
        assert one.answer != "needs_a_human" or one.needs_a_human


@given(GROUPS, ANSWERS)
def test_knowing_less_of_the_fields_never_turns_a_duty_away(
    groups: list[ExposedGroup], answers: dict[str, bool]
) -> None:
    known = assess(DutyFacts(tuple(groups), True, answers, MOMENTS), CHECKED, NOW)
    unknown = assess(DutyFacts(tuple(groups), False, answers, MOMENTS), CHECKED, NOW)
    after = {one.rule: one.answer for one in unknown.duties}
    for one in known.duties:
        assert not (one.answer == "yes" and after[one.rule] == "no"), one.rule
        assert not (one.answer == "no" and after[one.rule] == "yes"), one.rule


@given(st.sampled_from(["DE", "US-CA", "CN", "KR", "JP", "BR", "GB", "IN"]), FIELDS, st.sampled_from([1, 501, 1000]))
def test_not_knowing_a_residence_is_never_laxer(residence: str, fields: set[str], count: int) -> None:
    names = tuple(sorted(fields))
    known = assess(DutyFacts((ExposedGroup(residence, names, count),), True, {}, MOMENTS), CHECKED, NOW)
    unknown = assess(DutyFacts((ExposedGroup(None, names, count),), True, {}, MOMENTS), CHECKED, NOW)
    after = {one.rule: one.answer for one in unknown.duties}
    for one in known.duties:
        assert RANK[after[one.rule]] >= RANK[one.answer], one.rule


def test_an_unknown_residence_takes_the_strictest_and_says_so() -> None:
    facts = facts_of(("US-CA", "email password", 500), (None, "email password", 1))
    found = duty("us-ca-ag", facts)
    assert found.answer == "yes"
    assert found.needs_a_human
    assert found.unknown_residence_count == 1
    assert any("the strictest reading" in reason for reason in found.reasons)
    assert "us-ca-ag" in assess(facts, CHECKED, NOW).strictest_for_unknown
    assert "us-ca-persons" not in assess(facts, CHECKED, NOW).strictest_for_unknown  # it binds anyway


def test_who_has_no_known_residence_lives_where_the_company_has_customers() -> None:
    facts = facts_of((None, "email password", 501), ("DE", "email", 1))
    assert duty("cn-pipl-57-authority", facts).answer == "yes"
    somewhere = replace(facts, markets=("DE", "US"))
    assert duty("cn-pipl-57-authority", somewhere).answer == "no"
    assert duty("us-ca-ag", somewhere).answer == "yes"
    assert duty("us-ca-ag", replace(facts, markets=("US-CA",))).answer == "yes"
    assert duty("us-ca-ag", replace(facts, markets=("US-NY",))).answer == "no"
    assert duty("eu-gdpr-33", replace(facts, markets=("US-NY",))).residences == {"DE": 1}


def test_a_country_without_its_state_may_be_the_state() -> None:
    assert duty("us-ca-ag", facts_of(("US", "email password", 501))).answer == "yes"
    assert duty("us-ca-ag", facts_of(("US-NY", "email password", 501))).answer == "no"


def test_a_persons_answer_beats_a_presumption() -> None:
    presumed = duty("eu-gdpr-33", facts_of(("DE", "email", 1)))
    used = next(one for one in presumed.facts_used if one.fact == "risk_unlikely")
    assert used.value == "no"
    assert used.because
    answered = duty("eu-gdpr-33", facts_of(("DE", "email", 1), risk_unlikely=True))
    assert answered.answer == "no"
    assert not next(one for one in answered.facts_used if one.fact == "risk_unlikely").because


def test_what_is_missing_is_named() -> None:
    found = duty("br-lgpd-48-authority", facts_of(("BR", "email", 1)))
    assert any("address_is_login" in reason for reason in found.reasons)
    unseen = duty("us-ma-persons", facts_of(("US-MA", "name", 1), complete=None))
    assert unseen.answer == "needs_a_human"
    assert any("log cannot show" in reason for reason in unseen.reasons)


def test_a_field_no_rule_knows_is_never_taken_for_harmless() -> None:
    assert kind_of("loyalty_tier_v2") == "unlisted"
    assert duty("eu-gdpr-34", facts_of(("DE", "email unlisted", 1))).answer == "needs_a_human"
    assert duty("us-ca-persons", facts_of(("US-CA", "email unlisted", 1))).answer == "needs_a_human"


@pytest.mark.parametrize("code", ["EU", "XX", "US-XX", "zz-1"])
def test_a_code_that_is_no_country_is_a_residence_not_known(code: str) -> None:
    group = {"residence": code, "fields": ["email"], "count": 7}
    facts = facts_from_document({"schema": "leaktrace.duty-facts/1", "groups": [group]})
    assert facts.groups == (ExposedGroup(None, ("email",), 7),)
    with pytest.raises(ResponseError, match="market"):
        facts_from_document({"schema": "leaktrace.duty-facts/1", "groups": [], "markets": [code]})


@pytest.mark.parametrize("residence", ["CH", "TR", "HK", "TW", "US-FL", "US", "US-PR"])
def test_a_residence_of_which_no_law_is_known_is_told(residence: str) -> None:
    found = assess(facts_of((residence, "email", 3), ("DE", "email", 9), ("GB", "email", 0)), CHECKED, NOW)
    (one,) = found.without_rule
    assert (one.residence, one.count, one.markets_only) == (residence, 3, False)
    assert f"For 3 persons in {residence} no rule is known here" in one.sentence
    assert ("US-CA" in one.parts) == (residence == "US")
    assert not any("every residence is known" in reason for duty in found.duties for reason in duty.reasons)


def test_a_market_without_a_law_is_told_of_those_who_may_live_there() -> None:
    facts = replace(facts_of((None, "email", 4)), markets=("DE", "TR"))
    (one,) = assess(facts, CHECKED, NOW).without_rule
    assert (one.residence, one.count, one.markets_only) == ("TR", 4, True)
    assert "should they live in TR" in one.sentence


def test_a_law_not_in_force_yet_is_no_rule() -> None:
    later = tuple(replace(law, valid_from=NOW.date() + timedelta(days=1)) for law in CHECKED if law.id == "kr-pipa")
    (one,) = assess(facts_of(("KR", "email", 4)), later, NOW).without_rule
    assert one.residence == "KR"


@given(GROUPS)
def test_nobody_is_passed_over(groups: list[ExposedGroup]) -> None:
    """Everybody of known residence is among those whom some law covers, or of whom it is told that none is known."""
    found = assess(DutyFacts(tuple(groups), True, {}, MOMENTS), CHECKED, NOW)
    told = {one.residence for one in found.without_rule} | {place for duty in found.duties for place in duty.residences}
    assert {group.residence for group in groups if group.residence and group.count} <= told


@pytest.mark.parametrize("event", ["aware", "noticed", "persons_told", "reported", "occurred", "determined"])
def test_a_moment_that_has_not_come_is_refused(event: Any) -> None:
    facts = facts_of(("DE", "email", 3))
    for ahead, refused in ((timedelta(minutes=4), False), (timedelta(minutes=6), True), (timedelta(days=1800), True)):
        later = replace(facts, moments={event: NOW + ahead})
        if refused:
            with pytest.raises(ResponseError, match=f"The moment '{event}' .* has not come yet"):
                assess(later, CHECKED, NOW)
        else:
            assess(later, CHECKED, NOW)


@pytest.mark.parametrize(
    ("first", "later"),
    [("occurred", "noticed"), ("occurred", "aware"), ("noticed", "aware"), ("noticed", "persons_told")],
)
def test_moments_in_an_impossible_order_are_refused(first: Any, later: Any) -> None:
    facts = facts_of(("DE", "email", 3))
    at = NOW - timedelta(days=3)
    assess(replace(facts, moments={first: at, later: at}), CHECKED, NOW)
    with pytest.raises(ResponseError, match=f"'{later}' .* is before '{first}'"):
        assess(replace(facts, moments={first: at, later: at - timedelta(minutes=1)}), CHECKED, NOW)


@pytest.mark.parametrize("code", ["RE", "GP", "MQ", "GF", "YT", "MF", "AX", "FR-RE", "ES-CN"])
def test_the_outermost_regions_are_of_the_union(code: str) -> None:
    assert duty("eu-gdpr-33", facts_of((code, "email", 3))).residences == {code: 3}
    assert law_of(code) == law_of("FR")


@pytest.mark.parametrize("code", ["NL-BQ1", "NL-AW", "nl-cw", "NL-SX", "GL", "FO"])
def test_overseas_countries_and_territories_are_not_of_the_union(code: str) -> None:
    group = {"residence": code, "fields": ["email"], "count": 3}
    facts = facts_from_document({"schema": "leaktrace.duty-facts/1", "groups": [group]})
    made = assess(facts, CHECKED, NOW)
    assert not [one.rule for one in made.duties if one.residences]
    assert [(one.residence, one.count) for one in made.without_rule] == [(spelled(code), 3)]
    assert law_of(code) == "general"


@pytest.mark.parametrize("code", ["FR-PF", "PF", "fr-nc", "FR_WF", "PM", "FR-BL", "FR-TF"])
def test_french_law_takes_the_regulation_overseas(code: str) -> None:
    """Not of the Union; the French law on data, which is in force there, refers to Art. 33 and 34 all the same."""
    group = {"residence": code, "fields": ["email"], "count": 3}
    facts = facts_from_document({"schema": "leaktrace.duty-facts/1", "groups": [group]})
    assert duty("eu-gdpr-33", facts).residences == {}
    assert duty("fr-overseas-33", facts).residences == {spelled(code): 3}
    assert not assess(facts, CHECKED, NOW).without_rule
    assert law_of(code) == law_of("FR")


@pytest.mark.parametrize(
    ("code", "law"),
    [("CN-HK", "general"), ("CN-SH", "china"), ("uk", "gdpr"), ("EL", "gdpr"), (" DE ", "gdpr"), ("??", "general")],
)
def test_a_notice_has_the_form_of_where_the_duty_is(code: str, law: str) -> None:
    """One spelling of residences for both: who is told under a law is told in its form."""
    assert law_of(code) == law


@pytest.mark.parametrize(("code", "own"), [("CN-HK", "HK"), ("CN-MO", "MO"), ("nl-cw", "CW"), ("uk", "GB")])
def test_a_part_with_a_code_of_its_own_is_not_of_the_whole(code: str, own: str) -> None:
    group = {"residence": code, "fields": ["email"], "count": 7}
    facts = facts_from_document({"schema": "leaktrace.duty-facts/1", "groups": [group]})
    assert facts.groups == (ExposedGroup(own, ("email",), 7),)


def test_the_most_urgent_comes_first() -> None:
    facts = facts_of(("DE", "email", 1), ("IN", "email", 1), ("BR", "email password", 1))
    rules = [one.rule for one in assess(facts, CHECKED, NOW).duties if one.answer == "yes"]
    assert rules[:2] == ["in-certin-report", "eu-gdpr-33"]


def test_a_clock_that_cannot_be_read_is_urgent_not_last() -> None:
    facts = facts_of(("DE", "email", 1), ("IN", "email", 1), ("CN", "email", 1))
    unread = DutyFacts(facts.groups, True, facts.answers, {"aware": MOMENTS["aware"]})
    rules = [one.rule for one in assess(unread, CHECKED, NOW).duties if one.answer == "yes"]
    assert rules[:3] == ["cn-pipl-57-authority", "cn-pipl-57-persons", "in-certin-report"]  # at once; six hours


def exposure(only_email: str, *rows: tuple[str, tuple[str, ...], str | None, tuple[str, ...]]) -> ExposureList:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return ExposureList(
        campaign="c-1",
        finding_sha256="00",
        frozen_at=at,
        rows=tuple(
            ExposureRow(customer, "possible", fields, at, residence, None, 1, widened)
            for customer, fields, residence, widened in rows
        ),
        only_email=only_email,  # type: ignore[arg-type]
        only_email_reason="",
        window_start_at=None,
        window_end_at=at,
    )


def test_facts_of_an_exposure_list_are_counts_per_residence_and_fields() -> None:
    listed = exposure(
        "no", ("c1", ("email",), "us-ca", ()), ("c2", ("email",), "US-CA", ("order",)), ("c3", ("email",), "?", ())
    )
    facts = facts_from_exposure(listed, fields_complete=True, answers={}, moments=MOMENTS)
    assert facts.groups == (
        ExposedGroup(None, ("email",), 1),
        ExposedGroup("US-CA", ("email",), 1),
        ExposedGroup("US-CA", ("email", "order"), 1),
    )
    assert facts.exposure_sha256 == listed.sha256()
    assert facts.fields_complete is True


@pytest.mark.parametrize(("said", "log", "expected"), [("yes", None, True), ("cannot_be_said", True, False)])
def test_what_the_list_cannot_say_the_facts_do_not_say(said: str, log: bool | None, expected: bool) -> None:
    facts = facts_from_exposure(exposure(said), fields_complete=log, answers={}, moments={})
    assert facts.fields_complete is expected


BAD = [
    [],
    {"schema": "leaktrace.duty-facts/2", "groups": []},
    {"schema": "leaktrace.duty-facts/1"},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "fields_complete": "yes"},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "typo": 1},
    {"schema": "leaktrace.duty-facts/1", "groups": [{"residence": "Germany", "fields": [], "count": 1}]},
    {"schema": "leaktrace.duty-facts/1", "groups": [{"residence": "DE", "fields": "email", "count": 1}]},
    {"schema": "leaktrace.duty-facts/1", "groups": [{"residence": "DE", "fields": [], "count": -1}]},
    {"schema": "leaktrace.duty-facts/1", "groups": [{"residence": "DE", "fields": [], "count": True}]},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "markets": ["Europe"]},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "markets": "DE"},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "answers": {"guessed": True}},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "answers": {"high_risk": "yes"}},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "moments": {"aware": "2026-11-02T09:00:00"}},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "moments": {"aware": 5}},
    {"schema": "leaktrace.duty-facts/1", "groups": [], "moments": {"dreamt": "2026-11-02T09:00:00Z"}},
]


@pytest.mark.parametrize("document", BAD, ids=json.dumps)
def test_facts_that_are_none_are_refused(document: object) -> None:
    with pytest.raises(ResponseError, match="not facts"):
        facts_from_document(document)


WHOLE = """
schema = "leaktrace.law/1"
id = "xx"
law = "A law"
place = "Somewhere"
residences = ["AQ"]
covers = "always"
time_zone = "UTC"
valid_from = 2020-01-01
source = "a test"
text_at_hand = false
checked_on = ""
[[duty]]
id = "xx-1"
article = "1"
told = "authority"
recipient = "somebody"
asks = "Tell."
trigger = "count >= 1"
start = "aware"
clock = { hours = 72 }
basis = "Because."
required_content = []
forbidden_content = []
channels = []
"""


def test_a_rule_file_is_read_whole_or_not_at_all() -> None:
    assert law_from_text(WHOLE, "xx.toml").rules[0].id == "xx-1"
    lines = [line for line in WHOLE.strip().splitlines() if line != "[[duty]]"]
    for line in lines:
        with pytest.raises(ResponseError, match=r"xx\.toml"):
            law_from_text(WHOLE.replace(line + "\n", ""), "xx.toml")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('trigger = "count >= 1"', 'trigger = "count >= guess"', "whole number"),
        ('trigger = "count >= 1"', 'trigger = "fields has \\"emial\\""', "no kind of field"),
        ("clock = { hours = 72 }", "clock = { hours = 72, days = 3 }", "clock"),
        ("clock = { hours = 72 }", "clock = { business_days = 3 }", "calendar"),
        ("clock = { hours = 72 }", 'clock = { hours = "72" }', "whole number"),
        ('start = "aware"', 'start = "whenever"', "start is none of"),
        ('told = "authority"', 'told = "everybody"', "told is none of"),
        ('residences = ["AQ"]', 'residences = ["Xanadu"]', "ISO 3166"),
        ('checked_on = ""', 'checked_on = "soon"', "checked_on"),
        ("forbidden_content = []", 'forbidden_content = ["the truth"]', "forbidden_content"),
        ("channels = []", 'channels = []\nquotation = "It is so."', "not at hand"),
        ("channels = []", 'channels = []\nsurprise = "x"', "no key"),
        ("valid_from = 2020-01-01", "valid_from = 2020-01-01\nvalid_to = 2019-01-01", "ends before"),
        ("valid_from = 2020-01-01", 'valid_from = "2020-01-01"', "wrong kind"),
    ],
)
def test_a_slip_of_the_pen_is_found_when_the_rule_is_read(old: str, new: str, why: str) -> None:
    with pytest.raises(ResponseError, match=why):
        law_from_text(WHOLE.replace(old, new), "xx.toml")


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ResponseError, match="Two laws"):
        laws_from_texts({"a.toml": WHOLE, "b.toml": WHOLE})


def test_the_digest_changes_with_the_rules_and_only_then() -> None:
    assert laws_digest(builtin_laws()) == laws_digest(builtin_laws())
    assert laws_digest(builtin_laws()) != laws_digest(CHECKED)
