"""Names appear only where somebody is named, in a set, or on request (DESIGN 4.4)."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from leaktrace.records import PrincipalSet
from leaktrace.report import finding_page, render_finding
from tests.report import report_samples as samples

CANDIDATES = ("weighed-one", "weighed-two")
UNNAMED: dict[str, samples.Sample] = {
    "nobody": samples.nobody(),
    **{code: samples.undecided(code) for code in samples.UNDECIDED_CODES},
}


def on_screen(sample: samples.Sample, *, show_candidates: bool = False) -> str:
    console = Console(width=400, file=io.StringIO(), color_system=None)
    console.print(render_finding(*sample, show_candidates=show_candidates))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("case", list(UNNAMED))
def test_nobody_named_means_no_candidate_is_shown(case: str) -> None:
    sample = UNNAMED[case]
    finding, explanation = sample
    assert {one.principal for one in finding.candidates} == set(CANDIDATES), "the records do hold the names"
    for shown in (finding_page(finding, explanation), on_screen(sample)):
        assert not any(name in shown for name in CANDIDATES)
        assert "2 principals were weighed and none is accused" in shown


@pytest.mark.parametrize("case", list(UNNAMED))
def test_on_request_candidates_are_shown_as_not_suspected(case: str) -> None:
    finding, explanation = UNNAMED[case]
    for shown in (
        finding_page(finding, explanation, show_candidates=True),
        on_screen((finding, explanation), show_candidates=True),
    ):
        assert all(name in shown for name in CANDIDATES)
        assert "not suspected" in shown


def test_the_sentences_of_the_model_would_give_names_away() -> None:
    finding, explanation = samples.undecided("weak_grade")
    assert "weighed-one" in explanation.headline
    assert finding.undecided is not None
    assert "weighed-one" in finding.undecided.sentence
    assert "(name withheld)" in finding_page(finding, explanation)


def test_a_name_inside_a_longer_word_is_left_alone() -> None:
    finding, explanation = samples.nobody()
    finding = replace(finding, candidates=(replace(finding.candidates[0], principal="no"),))
    explanation = replace(explanation, why=(), headline="Nobody knows.", notes=("Ask no one.",))
    html = finding_page(finding, explanation)
    assert "Nobody knows." in html
    assert "Ask (name withheld) one." in html


def test_a_set_is_shown_and_none_of_it_accused() -> None:
    finding, explanation = samples.twins()
    for shown in (finding_page(finding, explanation), on_screen((finding, explanation))):
        assert "twin-a" in shown
        assert "twin-b" in shown
        assert "weighed-one" not in shown
        assert "No single one of them is accused" in shown
        assert "Chance that twin-a" not in shown


def test_a_set_of_one_is_a_candidate_like_any_other() -> None:
    finding, explanation = samples.undecided("common_cause")
    assert finding.sets == (PrincipalSet(("weighed-one",), 0.96),)
    html = finding_page(finding, explanation)
    assert "weighed-one" not in html
    assert "One principal stands alone with 96 %" in html


def test_a_set_that_is_less_likely_than_not_tells_no_name() -> None:
    finding, explanation = samples.twins()
    further = PrincipalSet(("maybe-a", "maybe-b"), 0.3)
    finding = replace(finding, sets=(*finding.sets, further))
    html = finding_page(finding, explanation)
    for shown in (html, on_screen((finding, explanation))):
        assert "twin-a" in shown
        assert "maybe-a" not in shown
    assert "One more source would be among 2 further principals, with a chance of 30 %" in html
    likelier = finding_page(replace(finding, sets=(*finding.sets[:-1], replace(further, probability=0.6))), explanation)
    assert "maybe-a" in likelier


def test_who_read_in_bulk_is_withheld_until_somebody_is_named() -> None:
    finding, explanation = samples.undecided("log_incomplete")
    assert "bulk-reader" in finding.log_coverage.gaps[1].principals
    assert "bulk-reader" not in finding_page(finding, explanation)
    named, told = samples.named()
    assert "bulk-reader" in finding_page(replace(named, log_coverage=samples.coverage(complete=False)), told)


def test_beside_a_named_principal_only_the_first_colleagues_are_listed() -> None:
    finding, explanation = samples.named()
    names = ("e1017", *(f"colleague-{i:02d}" for i in range(1, 20)))
    finding = replace(finding, candidates=samples.candidates(names, (0.9971, *(0.0001 for _ in names[1:])), 31))
    shown, on_request = finding_page(finding, explanation), finding_page(finding, explanation, show_candidates=True)
    assert "colleague-07" in shown
    assert "colleague-08" not in shown
    assert "and 12 more, each less likely" in shown
    assert "colleague-19" in on_request
