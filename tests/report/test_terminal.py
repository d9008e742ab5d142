"""The terminal: 80 columns, the sentence first, foreign text cannot act, the demo fits one screen."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from leaktrace.records import Campaign, IngestReport, LedgerStats, MailReport, SimulationTruth
from leaktrace.report import (
    render_campaigns,
    render_demo,
    render_finding,
    render_ingest_report,
    render_mail_report,
    render_stats,
)
from leaktrace.report.demo import verdict
from tests.report import report_samples as samples

SAMPLES = samples.every_sample()
COMMANDS = (
    "leaktrace -w my-workspace ingest accesses access-log.parquet",
    "leaktrace -w my-workspace mail abuse.mbox",
    "leaktrace -w my-workspace trace CAMPAIGN --html finding.html",
)


def lines_of(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("show_candidates", [False, True])
@pytest.mark.parametrize("name", list(SAMPLES))
def test_nothing_runs_over_the_edge(name: str, show_candidates: bool, width: int) -> None:
    lines = lines_of(render_finding(*SAMPLES[name], show_candidates=show_candidates), width)
    assert max(cell_len(line) for line in lines) <= width
    assert not any(sign in "".join(lines) for sign in "\x1b\u202e\ud800\r")


@pytest.mark.parametrize("name", list(SAMPLES))
def test_the_outcome_comes_first(name: str) -> None:
    finding, explanation = SAMPLES[name]
    lines = lines_of(render_finding(finding, explanation))
    label = {"named": "NAMED", "nobody": "NOBODY INSIDE", "undecided": "UNDECIDED"}[finding.outcome]
    assert label in lines[1]


def test_what_speaks_against_members_of_a_set_says_of_whom() -> None:
    shown = " ".join(" ".join(lines_of(render_finding(*samples.twins()))).split())
    for name in ("twin-a", "twin-b"):
        assert f"Against: {name}: 3 of the reported customers were never opened by this principal." in shown


def test_markup_in_a_name_would_act_if_it_were_printed_as_it_is() -> None:
    hostile = samples.HOSTILE_NAMES[2]
    assert "[red]" not in lines_of(hostile)[0]
    assert any("[red]sara[/red]" in line for line in lines_of(render_finding(*SAMPLES["hostile"])))


def test_numbers_are_whole_even_beside_long_names() -> None:
    shown = "\n".join(lines_of(render_finding(*SAMPLES["hostile"])))
    assert "+83.2" in shown
    assert "By chance" in shown


@pytest.mark.parametrize(
    ("sample", "truth"),
    [
        (samples.named(), samples.truth()),
        (samples.nobody(), samples.truth(())),
        (samples.twins(), samples.truth(("twin-a",), ("twin-b",))),
        (samples.undecided("common_cause"), samples.truth()),
    ],
)
def test_the_demo_fits_one_screen(sample: samples.Sample, truth: SimulationTruth) -> None:
    lines = lines_of(render_demo(*sample, truth, COMMANDS))
    assert len(lines) <= 24
    assert max(cell_len(line) for line in lines) <= 80
    shown = "\n".join(lines)
    assert all(command in shown for command in COMMANDS)
    assert "Planted source" in shown


def test_the_demo_says_honestly_how_the_finding_compares() -> None:
    named, _ = samples.named()
    nobody, _ = samples.nobody()
    twins, _ = samples.twins()
    left_open, _ = samples.undecided("too_few_reports")
    assert verdict(named, samples.truth()).startswith("Right")
    assert verdict(named, samples.truth(("e0392",))).startswith("WRONG: e1017")
    assert verdict(named, samples.truth(())).startswith("WRONG: e1017")
    assert verdict(named, samples.truth(("e1017", "e2044"))) == "Right, but e2044 was not found."
    assert verdict(nobody, samples.truth(())).startswith("Right")
    assert verdict(nobody, samples.truth()).startswith("MISSED")
    assert verdict(twins, samples.truth(("twin-a",), ("twin-b",))).startswith("Right: the source is in the set")
    assert verdict(left_open, samples.truth()).startswith("Not found")
    assert verdict(left_open, samples.truth(("weighed-one",))).startswith("The source is in a set")
    assert verdict(left_open, samples.truth(())).startswith("Nobody was inside")


def test_campaigns_with_and_without_seller() -> None:
    known = Campaign("c-1", "s-204", 0.97, 1200, 1100, samples.START)
    unknown = Campaign("c-2", None, None, 3, 3, None)
    lines = lines_of(render_campaigns([known, unknown]))
    assert "s-204" in lines[1]
    assert "1,200" in lines[1]
    assert "2026-03-02" in lines[1]
    assert "no seller" in lines[2]
    assert "leaktrace mail" in lines_of(render_campaigns([]))[0]


def test_counts_of_the_other_commands() -> None:
    mail = "\n".join(
        lines_of(render_mail_report(MailReport(40, 31, 2, 1, {"report": 31, "bounce": 4}, 3, "/r.ndjson")))
    )
    assert "bounce 4, report 31" in mail
    assert "3 in /r.ndjson" in mail
    ingest = "\n".join(
        lines_of(render_ingest_report(IngestReport("accesses", 100, 1, 7, "/r.csv", ("Column x: no.",))))
    )
    assert "/r.csv" in ingest
    assert "Column x: no." in ingest
    stats = "\n".join(lines_of(render_stats(LedgerStats(1_000_000, 100_000, 300, 2, 0, 123_456_789, 999))))
    assert "1,000,000" in stats
    assert "123.5 MB" in stats
    assert "999 bytes" in stats
