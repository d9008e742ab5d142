"""Every rule, one row and more: who is owed what, at the numbers where the answer turns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaktrace.caserecords import DutyFacts
from leaktrace.response.duties import FACTS, assess, builtin_laws
from leaktrace.response.duties.syntax import facts_of as facts_of_condition
from tests.response.duty_samples import CHECKED, NOW, duty, facts_of

LOGIN = "email password"
AFTER_DPDP = datetime(2027, 6, 1, tzinfo=UTC)

ROWS: list[tuple[str, DutyFacts, str]] = [
    # European Union
    ("eu-gdpr-33", facts_of(("DE", "email", 1)), "yes"),
    ("eu-gdpr-33", facts_of(("DE", "email", 1), risk_unlikely=True), "no"),
    ("eu-gdpr-33", facts_of(("NO", "email", 1)), "yes"),  # the European Economic Area is more than the Union
    ("eu-gdpr-33", facts_of(("CH", "email", 5000)), "no"),
    ("eu-gdpr-33-5", facts_of(("FR", "email", 1), risk_unlikely=True), "yes"),
    ("eu-gdpr-33-5", facts_of(("US-CA", "email", 1)), "no"),
    ("eu-gdpr-34", facts_of(("DE", "email", 412)), "no"),
    ("eu-gdpr-34", facts_of(("DE", "email", 412), high_risk=True), "yes"),
    ("eu-gdpr-34", facts_of(("DE", "email address", 1)), "needs_a_human"),  # one more field
    ("eu-gdpr-34", facts_of(("DE", "email", 412), complete=False), "needs_a_human"),  # the log cannot say "only"
    ("eu-nis2-23-early", facts_of(("DE", "email", 1)), "needs_a_human"),
    ("eu-nis2-23-early", facts_of(("DE", "email", 1), significant_incident=True), "yes"),
    ("eu-nis2-23-early", facts_of(("DE", "email", 1), significant_incident=True, nis2_entity=False), "no"),
    ("eu-nis2-23-notification", facts_of(("DE", "email", 1), significant_incident=True), "yes"),
    ("eu-nis2-23-notification", facts_of(("DE", "email", 1), significant_incident=False), "no"),
    ("eu-nis2-23-final", facts_of(("DE", "email", 1), significant_incident=True), "yes"),
    ("eu-nis2-23-final", facts_of(("NO", "email", 1), significant_incident=True), "no"),
    ("eu-nis2-23-recipients", facts_of(("DE", "email", 1), significant_incident=True), "needs_a_human"),
    ("eu-nis2-23-recipients", facts_of(("DE", "email", 1), significant_incident=True, service_affected=True), "yes"),
    ("eu-nis2-23-recipients", facts_of(("DE", "email", 1), significant_incident=False), "no"),
    # United Kingdom
    ("uk-gdpr-33", facts_of(("GB", "email", 1)), "yes"),
    ("uk-gdpr-33", facts_of(("IE", "email", 1)), "no"),
    ("uk-gdpr-33-5", facts_of(("GB", "email", 1), risk_unlikely=True), "yes"),
    ("uk-gdpr-33-5", facts_of(("DE", "email", 1)), "no"),
    ("uk-gdpr-34", facts_of(("GB", "email", 9)), "no"),
    ("uk-gdpr-34", facts_of(("GB", "email password", 9), high_risk=True), "yes"),
    # French overseas collectivities
    ("fr-overseas-33", facts_of(("PF", "email", 1)), "needs_a_human"),  # is the company French?
    ("fr-overseas-33", facts_of(("PF", "email", 1), established_in_france=True), "yes"),
    ("fr-overseas-33", facts_of(("NC", "email", 1), established_in_france=False), "no"),
    ("fr-overseas-33", facts_of(("WF", "email", 1), established_in_france=True, risk_unlikely=True), "no"),
    ("fr-overseas-33", facts_of(("RE", "email", 1), established_in_france=True), "no"),  # of the Union: the Regulation
    ("fr-overseas-33-5", facts_of(("BL", "email", 1), established_in_france=True, risk_unlikely=True), "yes"),
    ("fr-overseas-33-5", facts_of(("FR", "email", 1), established_in_france=True), "no"),
    ("fr-overseas-34", facts_of(("PM", "email", 9), established_in_france=True), "no"),
    ("fr-overseas-34", facts_of(("PM", "email phone", 9), established_in_france=True), "needs_a_human"),
    ("fr-overseas-34", facts_of(("PM", "email", 9), established_in_france=True, high_risk=True), "yes"),
    # California
    ("us-ca-persons", facts_of(("US-CA", "email", 100_000)), "no"),
    ("us-ca-persons", facts_of(("US-CA", LOGIN, 1)), "yes"),
    ("us-ca-persons", facts_of(("US-CA", "email security_answer", 1)), "yes"),
    ("us-ca-persons", facts_of(("US-CA", "email password_hash", 1)), "needs_a_human"),
    ("us-ca-persons", facts_of(("US-CA", "email password_hash", 1), password_usable=False), "no"),
    # Both fields leaked, but not of one person.
    ("us-ca-persons", facts_of(("US-CA", "email", 1), ("US-CA", "password", 1)), "no"),
    ("us-ca-persons", facts_of(("US-NY", LOGIN, 1)), "no"),
    ("us-ca-persons", facts_of(("US-CA", "email", 7), complete=False), "needs_a_human"),
    ("us-ca-ag", facts_of(("US-CA", LOGIN, 500)), "no"),
    ("us-ca-ag", facts_of(("US-CA", LOGIN, 501)), "yes"),
    ("us-ca-ag", facts_of(("US-CA", LOGIN, 500), ("US-CA", "email", 5000)), "no"),  # only those who are told count
    ("us-ca-ag", facts_of(("US-CA", LOGIN, 300), ("US-CA", "name government_id", 201)), "yes"),
    # New York
    ("us-ny-persons", facts_of(("US-NY", "email", 9000)), "no"),
    ("us-ny-persons", facts_of(("US-NY", LOGIN, 1)), "yes"),
    ("us-ny-persons", facts_of(("US-NY", "name government_id", 1)), "yes"),
    ("us-ny-authorities", facts_of(("US-NY", "email", 9000)), "no"),
    ("us-ny-authorities", facts_of(("US-NY", LOGIN, 1)), "yes"),
    # Texas
    ("us-tx-persons", facts_of(("US-TX", LOGIN, 9000)), "no"),
    ("us-tx-persons", facts_of(("US-TX", "name government_id", 1)), "yes"),
    ("us-tx-persons", facts_of(("US-TX", "name financial_account", 1)), "needs_a_human"),
    ("us-tx-persons", facts_of(("US-TX", "name financial_account", 1), code_usable=True), "yes"),
    ("us-tx-ag", facts_of(("US-TX", "name government_id", 249)), "no"),
    ("us-tx-ag", facts_of(("US-TX", "name government_id", 250)), "yes"),
    # Massachusetts
    ("us-ma-persons", facts_of(("US-MA", LOGIN, 9000)), "no"),
    ("us-ma-persons", facts_of(("US-MA", "name government_id", 1)), "yes"),
    ("us-ma-authorities", facts_of(("US-MA", "email name", 1)), "no"),
    ("us-ma-authorities", facts_of(("US-MA", "name financial_account", 1)), "yes"),
    # China
    ("cn-pipl-57-authority", facts_of(("CN", "email", 1)), "yes"),
    ("cn-pipl-57-authority", facts_of(("TW", "email", 1)), "no"),
    ("cn-pipl-57-persons", facts_of(("CN", "email", 1)), "yes"),
    ("cn-pipl-57-persons", facts_of(("CN", "email", 1), harm_avoided=True), "no"),
    # India
    ("in-certin-report", facts_of(("IN", "email", 1)), "yes"),
    ("in-certin-report", facts_of(("PK", "email", 1)), "no"),
    ("in-dpdp-board", facts_of(("IN", "email", 1)), "no"),  # not yet in force
    ("in-dpdp-board-detail", facts_of(("IN", "email", 1)), "no"),
    ("in-dpdp-persons", facts_of(("IN", "email", 1)), "no"),
    # Japan
    ("jp-appi-26-preliminary", facts_of(("JP", "email", 1)), "yes"),
    ("jp-appi-26-preliminary", facts_of(("JP", "email", 1000), improper_purpose=False), "no"),
    ("jp-appi-26-preliminary", facts_of(("JP", "email", 1001), improper_purpose=False), "yes"),
    ("jp-appi-26-preliminary", facts_of(("JP", "email", 1), insider=False), "needs_a_human"),
    ("jp-appi-26-final", facts_of(("JP", "email", 1)), "yes"),
    ("jp-appi-26-final", facts_of(("JP", "email", 5000), improper_purpose=False), "no"),
    ("jp-appi-26-final-30", facts_of(("JP", "email", 5000)), "no"),
    ("jp-appi-26-final-30", facts_of(("JP", "email", 1001), improper_purpose=False), "yes"),
    ("jp-appi-26-persons", facts_of(("JP", "email", 1)), "yes"),
    ("jp-appi-26-persons", facts_of(("JP", "email", 1000), improper_purpose=False), "no"),
    # Korea
    ("kr-pipa-34-authority", facts_of(("KR", "email", 999)), "no"),
    ("kr-pipa-34-authority", facts_of(("KR", "email", 1000)), "yes"),
    ("kr-pipa-34-authority", facts_of(("KR", "email government_id", 1)), "yes"),
    ("kr-pipa-34-persons", facts_of(("KR", "email", 1)), "yes"),
    ("kr-pipa-34-persons", facts_of(("JP", "email", 1)), "no"),
    # Brazil
    ("br-lgpd-48-authority", facts_of(("BR", "email", 1)), "needs_a_human"),
    ("br-lgpd-48-authority", facts_of(("BR", "email", 1), address_is_login=True), "yes"),
    ("br-lgpd-48-authority", facts_of(("BR", "email", 1), address_is_login=False, large_scale=False), "no"),
    ("br-lgpd-48-persons", facts_of(("BR", LOGIN, 1)), "yes"),
    ("br-lgpd-48-persons", facts_of(("BR", "email", 1), address_is_login=False, large_scale=False), "no"),
    # Canada
    ("ca-pipeda-commissioner", facts_of(("CA", "email", 1)), "needs_a_human"),
    ("ca-pipeda-commissioner", facts_of(("CA-ON", "email", 1), significant_harm_risk=True), "yes"),
    ("ca-pipeda-commissioner", facts_of(("US-CA", "email", 1), significant_harm_risk=True), "no"),
    ("ca-pipeda-persons", facts_of(("CA", "email", 1), significant_harm_risk=True), "yes"),
    ("ca-pipeda-persons", facts_of(("CA", "email", 1), significant_harm_risk=False), "no"),
    ("ca-pipeda-record", facts_of(("CA", "email", 1), significant_harm_risk=False), "yes"),
    ("ca-pipeda-record", facts_of(("MX", "email", 1)), "no"),
    # Australia
    ("au-privacy-assess", facts_of(("AU", "email", 9000)), "no"),
    ("au-privacy-assess", facts_of(("AU", "email", 9000), serious_harm_suspected=True), "yes"),
    ("au-privacy-assess", facts_of(("AU", "email health", 1)), "needs_a_human"),
    ("au-privacy-commissioner", facts_of(("AU", "email", 9000)), "no"),
    ("au-privacy-commissioner", facts_of(("AU", "email health", 1), serious_harm_likely=True), "yes"),
    ("au-privacy-persons", facts_of(("AU", "email", 9000)), "no"),
    ("au-privacy-persons", facts_of(("AU", "email health", 1), serious_harm_likely=True), "yes"),
    # Iran
    ("ir-none-found", facts_of(("IR", "email password government_id", 1_000_000)), "no"),
]
LATER: list[tuple[str, DutyFacts, str]] = [
    ("in-dpdp-board", facts_of(("IN", "email", 1)), "yes"),
    ("in-dpdp-board", facts_of(("LK", "email", 1)), "no"),
    ("in-dpdp-board-detail", facts_of(("IN", "email", 1)), "yes"),
    ("in-dpdp-persons", facts_of(("IN", "email", 1)), "yes"),
]
NEVER = {"ir-none-found"}
"""Rules that ask nothing of anybody."""


@pytest.mark.parametrize(("rule", "facts", "expected"), ROWS)
def test_a_rule_answers(rule: str, facts: DutyFacts, expected: str) -> None:
    found = duty(rule, facts)
    assert found.answer == expected, found.reasons
    assert (found.deadline is None) == (expected == "no")


@pytest.mark.parametrize(("rule", "facts", "expected"), LATER)
def test_a_rule_that_comes_into_force_later_answers_then(rule: str, facts: DutyFacts, expected: str) -> None:
    assert duty(rule, facts, now=AFTER_DPDP).answer == expected


@pytest.mark.parametrize(("rule", "facts", "expected"), ROWS)
def test_unchecked_by_a_lawyer_no_rule_is_sure(rule: str, facts: DutyFacts, expected: str) -> None:
    found = duty(rule, facts, laws=builtin_laws())
    assert found.answer == {"yes": "probably_yes", "no": "probably_no"}.get(expected, expected)
    assert found.needs_a_human
    assert "No lawyer has checked this rule within the last year." in found.reasons


@pytest.mark.parametrize("law", builtin_laws(), ids=lambda law: law.id)
def test_no_rule_that_ships_claims_a_lawyers_check(law: object) -> None:
    assert getattr(law, "checked_on", "?") is None


@pytest.mark.parametrize("rule", [rule for law in builtin_laws() for rule in law.rules], ids=lambda rule: rule.id)
def test_every_rule_has_a_row_where_it_binds_and_one_where_it_does_not(rule: object) -> None:
    rule_id = getattr(rule, "id", "")
    answers = {expected for one, _, expected in ROWS + LATER if one == rule_id}
    assert "no" in answers, rule_id
    assert "yes" in answers or rule_id in NEVER, rule_id


def test_laws_asked_for_are_there() -> None:
    places = {law.id for law in CHECKED}
    assert places == {
        *("eu-gdpr", "eu-nis2", "uk-gdpr", "us-ca", "us-ny", "us-tx", "us-ma", "cn-pipl", "in-certin", "in-dpdp"),
        *("jp-appi", "kr-pipa", "br-lgpd", "ca-pipeda", "au-privacy", "ir", "fr-overseas"),
    }


def test_what_california_prescribes_and_massachusetts_forbids_is_told() -> None:
    california = duty("us-ca-persons", facts_of(("US-CA", LOGIN, 1)))
    assert california.required_content[0] == "title: Notice of Data Breach"
    assert sum(one.startswith("heading: ") for one in california.required_content) == 5
    assert any("E-SIGN" in channel for channel in california.channels)
    massachusetts = duty("us-ma-persons", facts_of(("US-MA", "name government_id", 1)))
    assert massachusetts.forbidden_content == ("nature_of_breach", "number_affected")
    assert any("E-SIGN" in channel for channel in massachusetts.channels)


def test_iran_says_that_nothing_found_is_not_nothing_there() -> None:
    found = duty("ir-none-found", facts_of(("IR", "email", 5)))
    assert any("not the same as: there is none" in reason for reason in found.reasons)


def test_a_quotation_stands_only_where_the_text_was_at_hand() -> None:
    for one in assess(facts_of(("DE", "email", 1)), CHECKED, NOW).duties:
        assert not one.quotation or one.text_at_hand


def test_every_fact_that_may_be_answered_is_asked_by_some_rule() -> None:
    asked = {name for law in CHECKED for name in facts_of_condition(law.covers)}
    for law in CHECKED:
        for rule in law.rules:
            asked |= set(facts_of_condition(rule.trigger))
            asked |= {name for one in rule.presume for name in facts_of_condition(one.when)}
    assert asked == set(FACTS)
