"""calibrate on the smallest marketplace: what it prints, what it keeps to itself, and what it leaves as it was."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from leaktrace.attribution.planting import Planted
from leaktrace.attribution.reliability import Answered
from leaktrace.calibration.calibrating import Calibrator
from leaktrace.calibration.plan import Plan
from leaktrace.instants import instant_at
from leaktrace.records import Calibration, CalibrationRow, Evidence, EvidenceItem
from leaktrace.workspace import open_workspace
from tests.report import page_reader
from tests.stories.conftest import made_once
from tests.stories.desk import TABLES, Answer, Desk
from tests.stories.unharmed import files_of, refused

SMALL = ("--campaigns", 2, "--sizes", "12,3")


@pytest.fixture(scope="module")
def done(shared_folder: Path, filled_once: Desk) -> tuple[Desk, Path]:
    """A workspace that was calibrated once as JSON with a page and once in words; the folder with what was printed."""

    def calibrate(folder: Path) -> None:
        desk = filled_once.copy_to(folder / "ws")
        (folder / "out.json").write_text(_ok(desk.run("calibrate", *SMALL, "--html", folder / "page.html", "--json")))
        (folder / "out.txt").write_text(_ok(desk.run("calibrate", *SMALL, "--why", "case 7")))

    folder = made_once(shared_folder / "story-calibrate", calibrate)
    return Desk(folder / "ws", filled_once.config), folder


def _ok(answer: Answer) -> str:
    assert answer.code == 0, answer
    return answer.out


def _document(folder: Path) -> dict[str, Any]:
    return dict(Answer(0, (folder / "out.json").read_text(encoding="utf-8"), "").document())


def _told(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in ("out.json", "out.txt", "page.html")}


def test_json_has_the_promised_keys(done: tuple[Desk, Path]) -> None:
    document = _document(done[1])
    assert set(document) == {one.name for one in fields(Calibration)}
    assert document["schema"] == "leaktrace.calibration/1"
    assert all(set(row) == {one.name for one in fields(CalibrationRow)} for row in document["rows"])
    sizes = {row["report_count"] for row in document["rows"]}
    assert sizes == {3, 12}
    for row in document["rows"]:
        parts = ("named_rightly_count", "named_wrongly_count", "nobody_count", "undecided_count")
        assert sum(row[part] for part in parts) == row["campaign_count"] <= 2
        assert 0.0 < row["named_wrongly_upper_probability"] <= 1.0
    assert {row["kind"] for row in document["pooled"]} == {"with_source", "no_insider"}
    assert document["assumes"]
    assert document["does_not_show"]


def test_the_same_seed_gives_the_same_figures_in_python(
    done: tuple[Desk, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, folder = done
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.config))
    monkeypatch.delenv("LEAKTRACE_KEY_FILE", raising=False)
    seen: list[tuple[str, int, int | None]] = []
    with open_workspace(desk.workspace) as ws:
        again = ws.calibrate(campaigns=2, sizes=[3, 12, 3], progress=lambda *told: seen.append(told))
    assert Answer(0, again.to_json(), "").document() == _document(folder)
    assert seen[-1][1] == seen[-1][2] == sum(row.campaign_count for row in again.rows)


def test_it_is_of_one_state_of_the_ledger_whatever_is_ingested_meanwhile(filled_once: Desk, tmp_path: Path) -> None:
    desk = filled_once.copy_to(tmp_path / "ws")
    log = tmp_path / "late.csv"
    log.write_text("at,principal,customer,fields\n2024-01-01T00:00:00Z,agent-1,c-new,email\n", encoding="utf-8")
    environment, added = {"XDG_CONFIG_HOME": str(desk.config)}, list[int]()
    with (
        open_workspace(desk.workspace, environment=environment) as ws,
        open_workspace(desk.workspace, environment=environment) as other,
    ):

        def meanwhile(_: str, done_count: int, __: int | None) -> None:
            if done_count and not added:
                added.append(other.ingest("accesses", log).accepted_count)

        before = ws.calibrate(campaigns=1, sizes=[3])
        found = ws.calibrate(campaigns=1, sizes=[3], progress=meanwhile)
        after = ws.calibrate(campaigns=1, sizes=[3])
    assert added == [1]
    assert found == before
    assert after.ledger_snapshot != found.ledger_snapshot


def test_no_customer_and_no_principal_is_printed(done: tuple[Desk, Path], tiny_market: Path) -> None:
    customers = pq.read_table(tiny_market / "customers.parquet").to_pylist()
    with (tiny_market / TABLES["principals"]).open(encoding="utf-8", newline="") as file:
        principals = {row["principal"] for row in csv.DictReader(file)}
    ids = {row["customer"] for row in customers}
    assert (len(principals), len(ids)) == (30, 500)
    for name, text in _told(done[1]).items():
        found = set(re.findall(r"[\w.@+-]+", text))
        assert not principals & found, name
        assert not ids & found, name
        assert not any(row["email"] in text for row in customers), name


def test_the_words_say_bounds_and_limits(done: tuple[Desk, Path]) -> None:
    text = " ".join(_told(done[1])["out.txt"].split())
    assert "planted campaigns; with 95 % confidence at most" in text
    for words in ("One source.", "A chosen part.", "No insider.", "What this assumes", "What this does not show"):
        assert words in text
    assert "chance of 0.3 to come from another list" in text


def test_the_page_has_pictures_with_words_and_is_its_owners_alone(done: tuple[Desk, Path]) -> None:
    page = done[1] / "page.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    html = page.read_text(encoding="utf-8")
    root = page_reader.read_page(html)
    figures = root.all("figure")
    assert len(figures) >= 5
    for figure in figures:
        holder = next(element for element in figure.walk() if element.attributes.get("role") == "img")
        assert len(holder.attributes["aria-label"]) > 30
        assert holder.all("svg")
        assert figure.parent is not None
        assert figure.parent.all("table"), "no table beside the picture"
    assert not root.all("script", "img", "link")
    assert "//" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    for table in root.all("table"):
        widths = {len(line.all("th", "td")) for line in table.all("tr")}
        assert len(widths) == 1, widths
    assert not re.search(r"(?<![\w])(nan|None|inf|undefined)(?![\w])", root.text())


def test_nothing_is_written_but_the_look_up_log(desk: Desk) -> None:
    # The first one counts the customers of the ledger, which the catalogue remembers.
    assert desk.run("calibrate", "--campaigns", 1, "--sizes", "3").code == 0
    before = {name: (desk.workspace / name).read_bytes() for name in files_of(desk.workspace)}
    entries = len(desk.json("lookups")["entries"])
    assert desk.run("calibrate", "--campaigns", 1, "--sizes", "3", "--why", "case 7").code == 0
    after = {name: (desk.workspace / name).read_bytes() for name in files_of(desk.workspace)}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"lookups.ndjson", "lookups.head", "lookups.lock"}
    last = desk.json("lookups")["entries"][entries:]
    assert [(one["what"], one["subject"], one["why"]) for one in last] == [("calibrate", "email", "case 7")]


def test_without_contacts_it_says_that_it_pretends(empty_desk: Desk, tiny_market: Path) -> None:
    for table in ("principals", "customers", "accesses"):
        empty_desk.json("ingest", table, tiny_market / TABLES[table])
    document = empty_desk.json("calibrate", "--campaigns", 1, "--sizes", "10", "--noise", "0")
    assert document["contacts_pretended"]
    assert any("no contacts table" in sentence for sentence in document["assumes"])
    assert "no_contacts" not in {code for row in document["rows"] for code in row["undecided_codes"]}


def test_a_log_without_regions_and_teams_is_calibrated_with_what_there_is(empty_desk: Desk, tiny_market: Path) -> None:
    empty_desk.json("ingest", "accesses", tiny_market / TABLES["accesses"])
    document = empty_desk.json("calibrate", "--campaigns", 1, "--sizes", "5")
    planted = {row["kind"]: row["campaign_count"] for row in document["rows"]}
    assert planted["one_source"] == planted["random_customers"] == 1
    assert planted["one_region"] == planted["one_team"] == 0


def test_an_empty_workspace_is_refused(empty_desk: Desk) -> None:
    refused(empty_desk.run("calibrate", "--json"), "no accesses")


def test_a_field_that_nobody_was_shown_is_refused(desk: Desk) -> None:
    refused(desk.run("calibrate", "--field", "shoe_size", "--json"), "shoe_size")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--sizes", "3,many"), "whole numbers"),
        (("--sizes", ""), "Sizes"),
        (("--sizes", "0"), "Sizes"),
        (("--noise", "1.5"), "noise"),
        (("--noise", "nan"), "noise"),
        (("--campaigns", "0"), "campaigns"),
        (("--seed", "-1"), "seed"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_looked_up(
    desk: Desk, arguments: tuple[str, str], word: str
) -> None:
    entries = desk.json("lookups")["entries"]
    refused(desk.run("calibrate", *arguments, "--json"), word)
    assert desk.json("lookups")["entries"] == entries


class Watched(Calibrator):
    """Calibrates, and remembers what was planted and answered."""

    seen: ClassVar[list[tuple[Any, Planted, Answered]]] = []

    def _answered(self, assembled: Any, plan: Any, moment: Any, some: Any) -> Iterator[Answered]:
        for (_, planted), answered in zip(some, super()._answered(assembled, plan, moment, some), strict=True):
            self.seen.append((assembled, planted, answered))
            yield answered


def test_trace_says_of_the_same_reports_what_calibrate_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up serves many campaigns: that must not change the answers (but for another draw of controls)."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.config))
    monkeypatch.delenv("LEAKTRACE_KEY_FILE", raising=False)
    Watched.seen.clear()
    same = 0
    with open_workspace(desk.workspace) as ws:
        Watched(ws.ledger, ws.settings).calibrate(Plan(campaigns=1, sizes=(6, 20), seed=3))
        for assembled, planted, answered in Watched.seen:
            names = ws.ledger.customer_names(assembled.keys[planted.customers])
            mailed = assembled.market.mail_at[planted.customers].tolist()
            items = [EvidenceItem(one, received_at=instant_at(at)) for one, at in zip(names, mailed, strict=True)]
            finding = ws.trace(Evidence(tuple(items), "planted", seller="nobody's"))
            named = {assembled.market.principals[index].name for index in answered.named}
            same += (finding.outcome, set(finding.named)) == (answered.outcome, named)
    assert len(Watched.seen) >= 12
    # Keys are drawn anew, and controls with them: now and then a campaign stands so near a threshold that it tips.
    assert same >= len(Watched.seen) - 2


def test_an_interruption_leaves_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.config))
    monkeypatch.delenv("LEAKTRACE_KEY_FILE", raising=False)

    def interrupt(_what: str, done: int, _total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    desk.json("ledger", "stats")
    files = files_of(desk.workspace)
    with open_workspace(desk.workspace) as ws, pytest.raises(KeyboardInterrupt):
        ws.calibrate(campaigns=1, sizes=[3], progress=interrupt)
    assert files_of(desk.workspace) == files
    assert desk.json("lookups")["entries"][-1]["what"] == "calibrate"
