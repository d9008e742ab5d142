"""What takes more than one place to write: a kill or a full disk between two of them, and what is found afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import leaktrace
from leaktrace.casedesk.desk import CaseDesk
from leaktrace.casedesk.exposurenumbers import summary_of
from leaktrace.caserecords import ExposureList
from leaktrace.cases import KeyFileSignIn
from tests.cases.small_cases import exposure_list, finding_parts
from tests.stories.desk import Desk
from tests.stories.test_case import Staffed, staffed


@pytest.fixture
def company(empty_desk: Desk) -> Staffed:
    """A workspace with people and one case, to which olaf is admitted."""
    staffed(empty_desk)
    opened = empty_desk.json("case", "open", "--title", "By hand", "--as", "ina")
    empty_desk.json("case", "admit", opened["case"], "olaf", "--role", "privacy_officer", "--as", "ina")
    return Staffed(empty_desk, opened["case"], {})


@contextmanager
def desk_of(company: Staffed, who: str) -> Iterator[CaseDesk]:
    """Somebody at work in Python, who can stop between two steps."""
    with leaktrace.open(company.desk.workspace) as workspace:
        key_file = next(company.desk.config.rglob(f"*-{who}.key"))
        yield workspace.cases(KeyFileSignIn(who, key_file).sign_in(workspace.case_room().store.people()))


@pytest.fixture(autouse=True)
def key_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@contextmanager
def no_room_for_exhibits(company: Staffed) -> Iterator[None]:
    """A file stands where the folder of exhibits should be: none can be written, as on a full disk."""
    folder = company.desk.workspace / "cases" / "exhibits"
    aside = folder.with_name("aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_bytes(b"")
    yield
    folder.unlink()
    if aside.exists():
        aside.rename(folder)


@pytest.mark.parametrize("kind", ["tip", "mail"])
def test_a_case_and_what_it_is_opened_from_are_written_together_or_not_at_all(
    kind: str, company: Staffed, tmp_path: Path
) -> None:
    mail = tmp_path / "offer.eml"
    mail.write_bytes(b"From: a@b.example\n\nBuy now\n")
    opening = ("case", "open", f"--{kind}", "A list is offered." if kind == "tip" else mail)
    with no_room_for_exhibits(company):
        assert company.run("ina", *opening).code == 2
        assert [one["case"] for one in company.json("ina", "case", "list")] == [company.case]
    opened = company.json("ina", *opening)
    assert [one["kind"] for one in company.json("ina", "case", "exhibits", opened["case"])] == [kind]
    assert company.desk.run("custody", "verify").code == 0


def holds(company: Staffed) -> list[Any]:
    found: list[Any] = company.desk.json("ledger", "acts")["holds"]
    return found


def test_a_hold_that_was_killed_halfway_is_completed(company: Staffed) -> None:
    """The danger: the case says held, the ledger knows of none, and asking again is told that nothing is to be done."""
    with desk_of(company, "olaf") as olaf:
        olaf.work.hold(company.case, held=True, reason="asked by the prosecutor")
    assert company.show()["held"]
    assert not holds(company)
    again = company.json("olaf", "case", "hold", company.case, "--all", "--why", "asked by the prosecutor")
    assert (again["held"], again["hold_count"]) == (True, 1)
    assert [one["case"] for one in holds(company)] == [company.case]
    notes = [one for one in company.json("ina", "case", "timeline", company.case) if one["kind"] == "NoteAdded"]
    assert len(notes) == 1, "what was added to the hold stands in the case"
    told = company.run("olaf", "case", "hold", company.case, "--all", "--why", "again").error()
    assert "already" in told["message"]


def test_a_release_that_was_killed_halfway_is_completed(company: Staffed) -> None:
    company.json("olaf", "case", "hold", company.case, "--all", "--why", "asked by the prosecutor")
    with desk_of(company, "olaf") as olaf:
        olaf.work.hold(company.case, held=False, reason="ended by the court")
    assert holds(company)
    done = company.json("olaf", "case", "hold", company.case, "--release", "--why", "ended by the court")
    assert (done["held"], done["hold_count"]) == (False, 1)
    assert not holds(company)
    told = company.run("olaf", "case", "hold", company.case, "--release", "--why", "again").error()
    assert "not on legal hold" in told["message"]


def test_a_hold_grows_with_the_exposure_list(company: Staffed) -> None:
    """Who came onto the list after the hold is held by saying it again; it used to say that nothing was to be done."""
    few = exposure_list()
    freeze(company, replace(few, rows=few.rows[:1]))
    assert company.json("olaf", "case", "hold", company.case, "--why", "asked")["hold_count"] == 1
    freeze(company, few)
    assert company.json("olaf", "case", "hold", company.case, "--why", "the list grew")["hold_count"] == 3
    assert len(holds(company)) == 3


def freeze(company: Staffed, exposure: ExposureList) -> None:
    with desk_of(company, "ina") as ina:
        if not ina.work.show(company.case).findings:
            ina.work.attach_finding(company.case, finding_parts())
        ina.work.freeze_exposure(company.case, exposure)


def test_who_may_not_hold_completes_nothing(company: Staffed) -> None:
    with desk_of(company, "olaf") as olaf:
        olaf.work.hold(company.case, held=True, reason="asked by the prosecutor")
    assert "may not do this" in company.run("ina", "case", "hold", company.case, "--all").error()["message"]
    assert not holds(company)


def test_a_place_that_is_spelled_in_two_ways_is_told_once() -> None:
    """Whoever agrees to notices sees residences as duties and notices read them."""
    rows = zip(exposure_list().rows, ("FR-PF", "pf", None), strict=True)
    listed = replace(exposure_list(), rows=tuple(replace(row, jurisdiction=place) for row, place in rows))
    assert summary_of(listed).by_jurisdiction == {"PF": 2, "unknown": 1}
