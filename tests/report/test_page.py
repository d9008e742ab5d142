"""The page: self-contained, safe with foreign text, readable without pictures, colour or sight."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from leaktrace.report import finding_page
from tests.report import page_reader
from tests.report import report_samples as samples

SAMPLES = samples.every_sample()
PAGE_TAGS = """html head meta title style body a header main footer section h1 h2 h3 p strong small bdi span ul li dl
div dt dd figure figcaption table caption thead tbody tr th td details summary pre code"""
PICTURE_TAGS = "svg g path line rect text tspan defs clippath"


@cache
def page(name: str) -> str:
    return finding_page(*SAMPLES[name])


@cache
def tree(name: str) -> page_reader.Element:
    return page_reader.read_page(page(name))


@pytest.fixture(params=list(SAMPLES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_page_needs_no_network(name: str) -> None:
    root = tree(name)
    policy = [one.attributes["content"] for one in root.all("meta") if "http-equiv" in one.attributes]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    for element in root.walk():
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on"), (element.tag, attribute)
            if attribute in ("src", "srcset", "href", "xlink:href", "action", "poster", "data", "background"):
                assert value.startswith("#"), (element.tag, attribute, value)
            if "url(" in value:
                assert re.fullmatch(r"url\(#[\w-]+\)", value), value
    styles = " ".join(text for element in root.all("style") for text in element.texts)
    assert "url(" not in styles
    assert "@import" not in styles


def test_only_elements_of_the_templates_are_on_the_page(name: str) -> None:
    assert {element.tag for element in tree(name).walk()} - {"#root"} <= {*PAGE_TAGS.split(), *PICTURE_TAGS.split()}


def test_a_hostile_name_would_be_a_script_if_it_were_not_escaped() -> None:
    unguarded = page("hostile").replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"')
    assert "<script>alert(" in unguarded
    assert "<script" not in page("hostile")
    shown = tree("hostile").text()
    for hostile in samples.HOSTILE_NAMES[:3]:
        assert hostile in shown
    assert "\x1b" not in page("hostile")
    assert "\u202e" not in page("hostile")
    assert "<U+202E>" in shown
    page("hostile").encode("utf-8")


def test_headings_are_in_order_and_landmarks_are_there(name: str) -> None:
    root = tree(name)
    levels = [int(element.tag[1]) for element in root.walk() if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert [len(root.all(tag)) for tag in ("header", "main", "footer")] == [1, 1, 1]
    assert root.all("html")[0].attributes["lang"] == "en"
    skip = root.all("a")[0]
    assert skip.attributes["href"] == f"#{root.all('main')[0].attributes['id']}"
    first = next(
        element for element in root.all("main")[0].walk() if element.texts and element.tag not in ("span", "p")
    )
    assert first.tag == "h1"


def test_ids_are_unique_and_references_resolve(name: str) -> None:
    elements = tree(name).walk()
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert element.attributes.get(attribute, ids[0]) in ids
        for value in element.attributes.values():
            for target in re.findall(r"url\(#([\w-]+)\)", value):
                assert target in ids


def test_every_picture_has_words_and_a_table_beside_it(name: str) -> None:
    root = tree(name)
    assert len(root.all("svg")) == len(root.all("figure"))
    for figure in root.all("figure"):
        holder = next(element for element in figure.walk() if element.attributes.get("role") == "img")
        assert len(holder.attributes["aria-label"]) > 30
        assert figure.all("figcaption")[0].texts
        assert figure.parent is not None
        assert figure.parent.all("table"), "no table beside the picture"
    for table in root.all("table"):
        assert table.all("caption")[0].text()
        assert all(cell.attributes.get("scope") in ("col", "row") for cell in table.all("th"))
        widths = {sum(int(c.attributes.get("colspan", "1")) for c in row.all("th", "td")) for row in table.all("tr")}
        assert len(widths) == 1, widths


def test_no_number_is_missing_or_not_a_number(name: str) -> None:
    shown = tree(name).text()
    for wrong in ("nan", "NaN", "inf", "None", "undefined", "Infinity"):
        assert not re.search(rf"(?<![\w]){wrong}(?![\w])", shown), wrong
    assert "NaN" not in page(name)


def test_infinite_weights_do_not_break_the_page() -> None:
    finding, explanation = samples.named(3)
    terms = tuple(
        replace(t, weight_bits=float("inf"), expected_probability=float("nan")) for t in explanation.why[0].terms
    )
    why = replace(explanation.why[0], terms=terms, base_rate=float("nan"))
    html = finding_page(finding, replace(explanation, why=(why,)))
    assert "not known" in html
    assert not re.search(r"\b(nan|inf)\b", page_reader.read_page(html).text())


@pytest.mark.parametrize("report_count", [1, 25, 26, 200])
def test_every_report_is_in_the_tables(report_count: int) -> None:
    root = page_reader.read_page(finding_page(*samples.named(report_count)))
    for word in ("times", "weights"):
        tables = [t for t in root.all("table") if f"t-{word}" in t.all("caption")[0].attributes["id"]]
        labels = [row.all("th")[0].text() for table in tables for row in table.all("tbody")[0].all("tr")]
        assert sorted(labels) == sorted(f"report {i + 1}" for i in range(report_count))
    folded = [one.text() for one in root.all("summary") if "more" in one.text()]
    assert folded == ([f"and {report_count - 25} more"] * 2 if report_count > 25 else [])


def test_the_page_says_the_base_rates_in_natural_frequencies() -> None:
    shown = tree("named").text()
    assert "29 of the 31 customers in evidence before their mail came" in shown
    assert "colleagues of the same team 1.2 on average; by chance 0.8." in shown
    assert "26 in 1,000 had been shown to this principal too" in shown
    assert "about 3 in 1,000 findings like this one name somebody who is no source" in shown


def test_equal_findings_give_equal_bytes() -> None:
    assert finding_page(*samples.named()) == page("named")


def test_the_command_to_compute_again_is_quoted_for_a_shell() -> None:
    finding, explanation = samples.named(2)
    hostile = replace(finding, provenance=replace(finding.provenance, campaign="c; rm -rf ~"))
    shown = page_reader.read_page(finding_page(hostile, explanation)).all("code")[0].text()
    assert shown == "leaktrace trace 'c; rm -rf ~' --field email --json"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1."""
    styles = tree("named").all("style")[0].texts[0]
    blocks = re.findall(r":root \{([^}]*)\}", styles)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))
    for ink in ("ink", "quiet", "link"):
        for ground in ("paper", "panel"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("sample", [samples.named(4), samples.twins(4), samples.nobody(4)])
def test_an_explanation_without_reasons_still_makes_a_page(sample: samples.Sample) -> None:
    finding, explanation = sample
    root = page_reader.read_page(finding_page(finding, replace(explanation, why=(), alternatives=(), notes=())))
    mails = next(table for table in root.all("table") if table.all("caption")[0].attributes["id"] == "t-mails")
    assert len(mails.all("tbody")[0].all("tr")) == 4
    assert not page_reader.read_page(finding_page(finding, replace(explanation, why=(), mail_at=()))).all("t-mails")
