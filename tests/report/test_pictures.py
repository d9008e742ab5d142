"""Pictures: drawn for 1 to 200 reports, text as text, nothing foreign inside, equal bytes for equal input."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from leaktrace.errors import ReportError
from leaktrace.report import pictures
from leaktrace.report.story import Mail
from leaktrace.report.svg import _clean
from tests.report import report_samples as samples


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - made by the code under test


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter("text")]


@pytest.mark.parametrize("report_count", [1, 31, 200, 230])
def test_timeline_and_weights_for_any_number_of_reports(report_count: int) -> None:
    terms = samples.terms(report_count)
    timeline, weights = pictures.timeline(terms, "a"), pictures.weights(terms, "b")
    assert timeline is not None
    assert weights is not None
    for svg in (timeline, weights):
        root = parsed(svg)
        assert "report 1" in texts(svg)
        assert float(root.attrib["height"]) <= 20 * 31 + 100 or report_count > 31
        assert float(root.attrib["height"]) <= 950
    assert texts(timeline).count("mail came") == 1, "one legend entry says what the mark means"


def test_each_report_has_its_marks() -> None:
    terms = samples.terms(12)
    opened = sum(term.opened_at is not None for term in terms)
    svg = pictures.timeline(terms, "a")
    assert svg is not None
    groups = [g for g in parsed(svg).iter("g") if "mark-symbol" in g.attrib.get("class", "")]
    drawn = [g for g in groups if "role-mark" in g.attrib["class"] and "legend" not in g.attrib["class"]]
    assert sum(len(list(g.iter("path"))) for g in drawn) == len(terms) + opened


def test_mails_alone_make_a_timeline() -> None:
    svg = pictures.timeline([Mail("report 1", "G2", samples.START)], "a")
    assert svg is not None
    assert "mail came" in texts(svg)
    assert "first shown" not in texts(svg)


def test_weights_are_sorted_and_labelled_with_their_sign() -> None:
    svg = pictures.weights(samples.terms(12), "w")
    assert svg is not None
    shown = texts(svg)
    assert "+5.0" in shown
    assert "\u22121.7" in shown
    assert {"speaks for", "speaks against"} <= set(shown)
    rows = [text for text in shown if text.startswith("report ")]
    weight_of = {term.report: term.weight_bits for term in samples.terms(12)}
    assert [weight_of[row] for row in rows] == sorted(weight_of.values(), reverse=True)


def test_names_are_text_and_cannot_be_elements() -> None:
    finding, _ = samples.hostile()
    svg = pictures.opened_and_expected(finding.candidates, 9, "c")
    assert svg is not None
    assert "<script" not in svg
    assert any(text.startswith("<script>") for text in texts(svg))
    assert "فاطمه\u200cکریمی" in texts(svg)


def test_nothing_to_show_is_left_out() -> None:
    blank = [replace(term, mail_at=None, opened_at=None, weight_bits=0.0) for term in samples.terms(3)]
    assert pictures.timeline(blank, "a") is None
    assert pictures.timeline([], "a") is None
    assert pictures.weights(blank, "a") is None
    assert pictures.weights([replace(term, weight_bits=float("nan")) for term in blank], "a") is None
    assert pictures.opened_and_expected([], 3, "a") is None


def test_equal_input_gives_equal_bytes() -> None:
    assert pictures.timeline(samples.terms(9), "a") == pictures.timeline(samples.terms(9), "a")


def test_ids_carry_the_prefix_and_links_follow() -> None:
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><clipPath id="clip0"/></defs><g clip-path="url(#clip0)"/></svg>'
    )
    cleaned = _clean(drawn, "p7")
    assert 'id="p7-clip0"' in cleaned
    assert 'clip-path="url(#p7-clip0)"' in cleaned
    assert "http" not in cleaned


@pytest.mark.parametrize(
    "foreign", ["<script>1</script>", "<image href='x'/>", "<g onclick='x'/>", "<foreignObject/>", "<a href='#x'/>"]
)
def test_a_foreign_element_is_refused(foreign: str) -> None:
    with pytest.raises(ReportError, match="no business there"):
        _clean(f'<svg xmlns="http://www.w3.org/2000/svg">{foreign}</svg>', "p")
