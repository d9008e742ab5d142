"""A second version of the same case: nobody is told twice, unless two people agree to exactly that."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from leaktrace.caserecords import NoteAdded
from leaktrace.cli.noticeshown import render_plan
from leaktrace.errors import ResponseError
from tests.response.fakes_notices import CASE, row
from tests.response.noticedesks import SAID, Desk, make_desk
from tests.response.sink import Sink
from tests.response.test_notices_bounces import report as bounce
from tests.response.test_notices_sending import recipients

SECOND = replace(SAID, version="2")
FIRST_SURE = replace(SAID, least_certainty="confirmed")


def sure_and_not(sure: int, others: int) -> tuple:  # type: ignore[type-arg]
    """So many confirmed, so many possible."""
    return tuple(
        row(f"c{number:04d}", certainty="confirmed" if number < sure else "possible") for number in range(sure + others)
    )


def sent(desk: Desk, said=SAID, **how):  # type: ignore[no-untyped-def]
    """Planned, approved and sent; the report of planning."""
    report = desk.desk.plan(CASE, said)
    desk.approve_texts(report)
    desk.desk.send(CASE, desk.approve_sending(report, f"A-{said.version}"), version=said.version, **how)
    return report


def test_the_rest_is_told_later_and_nobody_twice(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(3, 5))
        sent(desk, FIRST_SURE)
        report = sent(desk, SECOND)
        assert report.planned_count == 5
        assert report.told_by_version == {"1": 3}
        assert report.suppressed == {"told_by_other_version": 3}
        assert report.parameters["left_out_as_told_by_version"] == {"1": 3}
        assert recipients(sink) == {f"c{number:04d}@mail.example": 1 for number in range(8)}
        assert desk.desk.left(CASE, "2") == ()  # all of them are told


def test_whoever_was_told_of_fewer_fields_is_counted(tmp_path: Path) -> None:
    """The list has grown since: nobody would tell them, and nobody would know."""
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(3, 5))
        sent(desk, FIRST_SURE)
        wider = tuple(replace(one, fields=(*one.fields, "phone")) for one in sure_and_not(3, 5))
        desk.cases.frozen = replace(desk.cases.frozen, rows=wider)
        report = desk.desk.plan(CASE, SECOND)
        assert (report.told_by_version, report.told_less_count) == ({"1": 3}, 3)
        console = Console(width=300, file=io.StringIO())
        console.print(render_plan(report))
        assert "3 were told of fewer fields" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_plan_made_before_the_first_was_sent_is_looked_at_again_when_it_is_sent(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(3, 5))
        first = desk.desk.plan(CASE, FIRST_SURE)
        second = desk.desk.plan(CASE, SECOND)
        assert second.told_by_version == {}
        desk.approve_texts(second)
        desk.desk.send(CASE, desk.approve_sending(first, "A-1"), version="1")
        told = desk.cases.pseudonym(CASE, "c0001")
        preview = desk.desk.preview(CASE, told, "2")
        assert (preview.told_by, preview.suppressed) == ("1", "told_meanwhile")
        report = desk.desk.send(CASE, desk.approve_sending(second, "A-2"), version="2")
        assert report.status.suppressed == {"told_meanwhile": 3}
        assert set(recipients(sink).values()) == {1}
        assert len(sink.taken) == 8


def test_a_first_version_that_goes_on_leaves_out_whom_the_second_told(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(6, 0))
        sent(desk, canary=2)
        report = sent(desk, SECOND)
        assert report.planned_count == 4
        went_on = desk.desk.send(CASE, version="1", go_on=True)
        assert went_on.status.suppressed == {"told_meanwhile": 4}
        assert set(recipients(sink).values()) == {1}


def test_who_asks_is_found_by_the_reference_in_their_notice_or_by_their_id(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(2, 1))
        sent(desk, FIRST_SURE)
        sent(desk, SECOND)
    person = desk.cases.pseudonym(CASE, "c0001")
    first = desk.desk.preview(CASE, person, "1")
    assert first.reference in first.text
    found = desk.desk.preview(CASE, f" {first.reference.upper()} ")
    assert found == first
    assert (found.person, found.version, found.state) == (person, "1", "accepted")
    second = desk.desk.preview(CASE, person)
    assert (second.version, second.state, second.told_by) == ("2", "suppressed", "1")
    with pytest.raises(ResponseError, match="neither a pseudonym"):
        desk.desk.preview(CASE, "c0001")  # an id, without a reason
    assert desk.desk.preview(CASE, "c0001", "1", why="asked for access").person == person
    assert [event.text for event in desk.diary.events if isinstance(event, NoteAdded)] == [
        "looked up: asked for access"
    ]
    with pytest.raises(ResponseError, match="neither a pseudonym"):
        desk.desk.preview(CASE, first.reference, "2")


def test_what_nobody_knows_counts_as_told_and_a_refusal_does_not(tmp_path: Path) -> None:
    def script(stage: str, recipient: str) -> bytes | None:
        if stage == "body" and "c0000" in recipient:
            return b""  # taken, and the line is cut before the answer
        return b"550 5.1.1 no\r\n" if stage == "rcpt" and "c0001" in recipient else None

    with Sink(script) as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(3, 0))
        sent(desk)
        first = desk.desk.status(CASE).sums
        report = desk.desk.plan(CASE, SECOND)
        assert first.unknown_count == 1
        assert report.told_by_version == {"1": 2}
        assert report.planned_count == first.refused_count == 1


def test_a_correction_goes_to_everybody_again_with_its_reason_kept_and_agreed_to(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(3, 5))
        sent(desk, FIRST_SURE)
        report = sent(desk, replace(SECOND, again_because="the first named a wrong day"))
        assert report.planned_count == 8
        assert report.parameters["told_again_after_version"] == {"1": 3}
        assert report.parameters["again_because"] == "the first named a wrong day"
        notes = [event.text for event in desk.diary.events if isinstance(event, NoteAdded)]
        assert notes == ["Notices 2 are planned to go again to 3 told by version 1: the first named a wrong day"]
        assert sorted(recipients(sink).values()) == [1, 1, 1, 1, 1, 2, 2, 2]


def test_more_people_told_since_the_correction_was_agreed_to_stop_it(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(4, 0))
        sent(desk, canary=1)
        report = desk.desk.plan(CASE, replace(SECOND, again_because="a wrong day"))
        desk.desk.send(CASE, version="1", go_on=True)
        with pytest.raises(ResponseError, match="told_again_after_version"):
            desk.desk.send(CASE, desk.approve_sending(report, "A-2"), version="2")
    assert set(recipients(sink).values()) == {1}


def test_a_correction_needs_somebody_to_correct(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1, sure_and_not(2, 0))
    with pytest.raises(ResponseError, match="Nobody whom version 1 would write to was told"):
        desk.desk.plan(CASE, replace(SAID, again_because="why not"))
    assert not desk.diary.events


def test_who_was_told_and_whose_mail_came_back_is_still_to_be_told(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, sure_and_not(2, 0))
        sent(desk)
        desk.desk.plan(CASE, SECOND)
        path = tmp_path / "bounce.eml"
        path.write_bytes(bounce(sink.taken[0].sender))
        assert desk.desk.bounces([path]).hard_count == 1
        assert len(desk.desk.left(CASE, "2")) == 1
