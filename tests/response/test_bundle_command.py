"""leaktrace bundle: uses the approval, writes, records; and says how to check."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from leaktrace.caserecords import BundleWritten, digest_of
from leaktrace.cli import bundle as command
from leaktrace.errors import ApprovalError, ResponseError, UsageError
from leaktrace.response.bundle import grouped, hand_over
from tests.response.fake_case import FakeApprovals, FakeDesk
from tests.response.made_cases import CASE, FINGERPRINT, RECIPIENT, made_input


@pytest.fixture
def desk() -> FakeDesk:
    given = made_input()
    return FakeDesk(given, FakeApprovals({"A-0002": digest_of(hand_over(CASE, RECIPIENT, given.exhibits))}))


def run(desk: FakeDesk, *arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app, lambda *_: nullcontext(desk))
    done = CliRunner().invoke(app, ["bundle", *arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value or 0), done.output


def test_it_hands_over_once_and_writes_it_down(desk: FakeDesk, tmp_path: Path) -> None:
    code, said = run(desk, CASE, "--out", str(tmp_path / "bundle"), "--json")
    told = json.loads(said)
    assert code == 0
    assert told["fingerprint"] == FINGERPRINT
    assert desk.approvals.used == ["A-0002"]
    assert desk.diary.events == [BundleWritten("A-0002", told["manifest_sha256"], 6, RECIPIENT)]
    with pytest.raises(ApprovalError):
        run(desk, CASE, "--out", str(tmp_path / "again"))


def test_it_tells_the_fingerprint_and_how_to_check(desk: FakeDesk, tmp_path: Path) -> None:
    _, said = run(desk, CASE, "--out", str(tmp_path / "bundle"))
    assert grouped(FINGERPRINT) in " ".join(said.split())
    assert "1 withheld" in said


def test_a_folder_that_is_there_costs_no_approval(desk: FakeDesk, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ResponseError):
        run(desk, CASE, "--out", str(tmp_path))
    assert desk.approvals.used == []
    assert desk.diary.events == []


def test_another_recipient_than_the_approved_one_is_refused(desk: FakeDesk, tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match="another recipient"):
        run(desk, CASE, "--out", str(tmp_path / "bundle"), "--recipient", "a newspaper")
    assert desk.approvals.used == []
    assert not (tmp_path / "bundle").exists()


def test_it_is_asked_for_with_what_is_withheld(desk: FakeDesk) -> None:
    code, said = run(
        desk, CASE, "--ask", "--recipient", RECIPIENT, "--why", "their letter", "--withhold", "E-0006=privileged=yes"
    )
    assert code == 0
    assert desk.asked == [(CASE, RECIPIENT, {"E-0006": "privileged=yes"}, "their letter")]
    assert "leaktrace case approve" in " ".join(said.split())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--ask",),
        ("--ask", "--recipient", "x"),
        ("--ask", "--recipient", " ", "--why", "y"),
        ("--ask", "--recipient", "x", "--why", "y", "--withhold", "E-0006"),
        ("--ask", "--recipient", "x", "--why", "y", "--withhold", "E-0006="),
        ("--ask", "--recipient", "x", "--why", "y", "--withhold", "E-0006=a", "--withhold", "E-0006=b"),
    ],
)
def test_what_is_no_request_is_refused(arguments: tuple[str, ...], desk: FakeDesk) -> None:
    with pytest.raises(UsageError):
        run(desk, CASE, *arguments)
    assert desk.asked == []
