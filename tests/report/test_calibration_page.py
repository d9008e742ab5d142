"""The calibration in words and as a page: sentences that do not promise too much, hostile names, nothing planted."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from leaktrace.records import Calibration
from leaktrace.report import calibration_page, render_calibration
from tests.report import page_reader
from tests.report import report_samples as samples


def words_of(calibration: Calibration) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(render_calibration(calibration))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_the_headline_gives_the_bound_rounded_up() -> None:
    shown = words_of(samples.calibration())
    assert "Nobody was named wrongly in 80 planted campaigns" in shown
    # 1 - 0.05 ** (1 / 40) = 7.216 %; 7.2 % would promise too much.
    assert "at most 7.3 % of campaigns with a source and at most 7.3 % of campaigns without insider" in shown


def test_a_wrong_name_comes_first() -> None:
    shown = words_of(samples.calibration(wrong=1))
    assert shown.startswith("Somebody was named wrongly 2 times in 80 planted campaigns")
    assert "Named wrongly, by kind: one source: 1 of 40; random customers: 1 of 40." in shown
    tree = page_reader.read_page(calibration_page(samples.calibration(wrong=1)))
    assert "Somebody was named wrongly 2 times" in tree.all("h1")[0].text()
    assert "named wrongly" in tree.all("svg")[0].text()


def test_nothing_planted_is_no_good_news() -> None:
    empty = samples.calibration(planted=0)
    assert "Nothing could be planted" in words_of(empty)
    html = calibration_page(empty)
    assert "Nothing could be planted" in html
    assert not page_reader.read_page(html).all("svg")


@pytest.mark.parametrize("team", samples.HOSTILE_NAMES)
def test_a_teams_name_acts_on_neither_page_nor_screen(team: str) -> None:
    told = samples.calibration()
    hostile = replace(told, teams=(replace(told.teams[0], team=team),))
    html = calibration_page(hostile)
    html.encode("utf-8")
    assert "<script" not in html
    assert "<img" not in html
    for sign in ("\x1b", "\u202e", "\ud800"):
        assert sign not in html
        assert sign not in words_of(hostile)


def test_equal_calibrations_give_equal_bytes() -> None:
    assert calibration_page(samples.calibration()) == calibration_page(samples.calibration())


def test_a_pretended_contacts_table_is_said() -> None:
    told = replace(samples.calibration(), contacts_pretended=True)
    assert "trace names nobody" in words_of(told)
    assert "trace names nobody" in calibration_page(told)


def test_every_picture_has_its_values_beside_it() -> None:
    root = page_reader.read_page(calibration_page(samples.calibration()))
    assert len(root.all("figure")) == len(root.all("svg")) == 4
    ids = [element.attributes["id"] for element in root.walk() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    labelled = [e.attributes["aria-labelledby"] for e in root.walk() if "aria-labelledby" in e.attributes]
    assert set(labelled) <= set(ids)
    headings = [int(one.tag[1]) for one in root.all("h1", "h2", "h3")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    shown = root.text()
    assert not re.search(r"(?<![\w])(nan|None|inf|undefined)(?![\w])", shown)
