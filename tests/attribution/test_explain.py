"""The judgement retold: sentences, terms and alternatives that agree with the numbers."""

from __future__ import annotations

import math

import pytest

from leaktrace.attribution import explain
from leaktrace.records import Explanation
from tests.attribution.worlds import MAIL_AT, Market, background_market, judged, study_of, unopened


def retold(market: Market, reports: list[int], **changes: object) -> Explanation:
    study = study_of(market, reports, **changes)  # type: ignore[arg-type]
    return explain(
        study, judged(market, study), field="email", seller="s1", seller_name="Bright Lamps", notes=("a note",)
    )


def leak() -> tuple[Market, list[int]]:
    market = background_market()
    market.show("p07", range(300))
    return market, sorted({*range(0, 300, 10), *unopened(market, 10)})


def test_a_name_says_to_whom_how_many_and_how_sure() -> None:
    market, reports = leak()
    told = retold(market, reports)
    assert told.headline.startswith("p07 is named as the source to Bright Lamps: had been shown")
    why = told.why[0]
    assert (why.principal, why.team) == ("p07", "t1")
    assert "colleagues in the same team" in why.sentence
    assert why.team_mean_opened_count is not None
    assert why.against
    assert told.notes == ("a note",)


def test_who_was_shown_a_list_was_shown_it_before_it_was_offered() -> None:
    market, reports = leak()
    assert "before the mail came" in retold(market, reports).why[0].sentence
    listed = {number: {"kind": "listed", "grade": "G3"} for number in range(len(reports))}
    assert "before the list was first offered" in retold(market, reports, changes=listed).why[0].sentence


def test_terms_carry_the_formula_in_bits() -> None:
    market, reports = leak()
    why = retold(market, reports).why[0]
    assert len(why.terms) == len(reports)
    for term in why.terms:
        if term.opened_at is None:
            assert term.weight_bits <= 0.0
        elif term.expected_probability < 0.5:
            assert term.weight_bits > 0.0
            assert term.weight_bits <= math.log2(1.0 / term.expected_probability) + 1e-9
    assert sum(term.weight_bits for term in why.terms) > 20.0


@pytest.mark.parametrize("known", [True, False])
def test_reports_that_count_little_say_why(known: bool) -> None:
    market, reports = leak()
    if known:
        changes = {number: {"known_elsewhere": True} for number in range(5)}
        told = retold(market, reports, changes=changes)
        wanted = "the address may be known elsewhere"
    else:
        market.contact = set(reports[:5])
        told = retold(market, reports)
        wanted = "the customer had contact with this seller"
    terms = [term for term in told.why[0].terms if term.other_cause == wanted]
    assert len(terms) == 5
    assert all(abs(term.weight_bits) < 0.1 for term in terms)


@pytest.mark.parametrize("dealt", [True, False])
def test_a_seller_nobody_is_known_to_have_dealt_with_is_told_as_a_doubt(dealt: bool) -> None:
    market, reports = leak()
    if dealt:
        market.contact = {max(unopened(market, 200))}
        reports = sorted({*reports, *market.contact})
    against = retold(market, reports).why[0].against
    assert any("is known to have dealt with this seller" in one for one in against) is not dealt


def test_unsure_times_and_look_alikes_say_why() -> None:
    market, reports = leak()
    changes: dict[int, dict[str, object]] = {number: {"reporter": "same"} for number in range(4)}
    # Long before anything was opened: then nobody knows what came first.
    changes[5] = {"sure_at": 1, "late_at": MAIL_AT}
    told = retold(market, reports, changes=changes)
    causes = [term.other_cause for term in told.why[0].terms]
    assert causes.count("reporters who look alike count once") == 4
    assert causes.count("opened at a time that may be before or after the mail") == 1


def test_nobody_and_undecided_have_their_sentences() -> None:
    market = background_market()
    nobody = retold(market, unopened(market, 100))
    assert nobody.headline.startswith("Nobody inside explains these 100 reports")
    few = retold(market, unopened(market, 2))
    assert few.headline.startswith("Undecided: ")
    labels = [alternative.label for alternative in nobody.alternatives]
    assert labels[:3] == ["nobody inside", "the seller's own buyers", "made-up reports"]
    assert all(0.0 <= alternative.probability <= 1.0 for alternative in nobody.alternatives)


def test_somebody_without_a_team_is_told_without_one() -> None:
    market, reports = leak()
    market.teams = {}
    why = retold(market, reports).why[0]
    assert why.team_mean_opened_count is None
    assert "colleagues" not in why.sentence
