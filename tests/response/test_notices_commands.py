"""The commands, from plan to bounce, as somebody at a terminal uses them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from leaktrace.caserecords import digest_of, exposure_of
from leaktrace.cli import notify
from leaktrace.errors import LeaktraceError, UsageError
from leaktrace.noticedesk.desk import NoticeDesk
from leaktrace.records import to_document
from leaktrace.response.notices import composed
from tests.response.fakes_notices import CASE, exposure, row
from tests.response.noticedesks import Desk, make_desk
from tests.response.sink import Sink


def terminal(desk: Desk) -> Any:
    """Runs `notify ...`: (exit code, stdout)."""

    @contextmanager
    def open_desk(context: typer.Context, person: str | None, key: Path | None) -> Iterator[NoticeDesk]:
        yield desk.desk

    app = typer.Typer()
    app.callback()(lambda: None)
    notify.register(app, open_desk)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["notify", *arguments], standalone_mode=False)
        if isinstance(done.exception, LeaktraceError):
            raise done.exception
        assert done.exception is None, done.exception
        return done.return_value or 0, done.stdout

    return run


def test_the_whole_way(tmp_path: Path) -> None:
    people = (*(row(f"c{n}") for n in range(5)), row("c5", locale="fa"), row("c6", jurisdiction="US-CA"))
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people, texts={}, sending={"canary": 2})
        run = terminal(desk)
        asked = tmp_path / "send.json"
        code, out = run(
            "plan", CASE, "--noticed-on", "2026-11-18", "--measure", "access_suspended", "--measure", "police_told",
            "--parameters", str(asked), "--json",
        )  # fmt: skip
        plan = json.loads(out)
        assert code == 3
        assert plan["templates_to_approve"] == ["gdpr/de", "gdpr/fa"]
        assert (plan["frozen_count"], plan["planned_count"], plan["suppressed"]) == (7, 6, {"no_consent_to_mail": 1})
        parameters = json.loads(asked.read_text("utf-8"))
        assert digest_of(parameters) == plan["parameters_sha256"]
        assert {"version", "exposure_sha256", "templates", "planned_count", "from"} <= set(parameters)
        desk.approvals.give("A-1", "send_notices", "1", parameters)

        code, out = run("approve-translation", CASE, "gdpr/fa", "--parameters", str(tmp_path / "fa.json"), "--json")
        assert (code, json.loads(out)["approved"]) == (3, False)
        for number, name in enumerate(plan["templates_to_approve"]):
            file = tmp_path / f"{number}.json"
            run("approve-translation", CASE, name, "--parameters", str(file))
            desk.approvals.give(f"A-t{number}", "approve_translation", name, json.loads(file.read_text("utf-8")))
            assert run("approve-translation", CASE, name, "--approval", f"A-t{number}")[0] == 0
        _, out = run("templates", CASE, "--json")
        listed = json.loads(out)
        assert len(listed) == 90
        assert [f"{one['law']}/{one['language']}" for one in listed if one["approved"]] == ["gdpr/de", "gdpr/fa"]

        who = desk.cases.pseudonym(CASE, "c5")
        _, out = run("preview", CASE, "--person", who, "--html", str(tmp_path / "p.html"), "--json")
        assert json.loads(out)["approved"] is True
        assert 'dir="rtl"' in (tmp_path / "p.html").read_text("utf-8")
        assert "مشتری گرامی" in run("preview", CASE, "--person", who)[1]

        code, out = run("send", CASE, "--approval", "A-1", "--json")
        assert (code, json.loads(out)["reason"], len(sink.taken)) == (3, "canary", 2)
        run("stop")
        with pytest.raises(LeaktraceError, match="stopped"):
            run("send", CASE)
        code, out = run("send", CASE, "--continue", "--json")
        assert (code, json.loads(out)["reason"], len(sink.taken)) == (0, "done", 6)
    _, out = run("status", CASE, "--json")
    assert json.loads(out)["sums"] == {
        "frozen_count": 7, "accepted_count": 6, "refused_count": 0, "unknown_count": 0, "suppressed_count": 1,
        "waiting_count": 0,
    }  # fmt: skip
    assert "Accepted by the relay" in run("status", CASE)[1]
    assert [one["reason"] for one in json.loads(run("left", CASE, "--json")[1])] == ["no_consent_to_mail"]
    assert "to be told in another way" in run("left", CASE)[1]
    (tmp_path / "b.eml").write_bytes(b"To: x\r\n\r\n")
    assert json.loads(run("bounces", str(tmp_path / "b.eml"), "--json")[1])["other_count"] == 1


def test_templates_are_written_out_to_begin_from_and_not_over_ones_own(tmp_path: Path) -> None:
    run = terminal(make_desk(tmp_path, 1, (row("c1"),)))
    run("templates", "--out", str(tmp_path / "texts"))
    assert (tmp_path / "texts" / "korea" / "ko.toml").read_bytes() == composed("korea", "ko")
    with pytest.raises(UsageError, match="there already"):
        run("templates", "--out", str(tmp_path / "texts"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", CASE, "--noticed-on", "yesterday"),
        ("plan", CASE, "--measure", "everything"),
        ("plan", CASE, "--certainty", "maybe"),
        ("plan", "case-8"),
        ("approve-translation", CASE, "fa"),
        ("approve-translation", CASE, "gdpr/xx"),
        ("preview", CASE, "--person", "C-1"),
        ("status", CASE),
        ("send", CASE),
    ],
)
def test_bad_words_end_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(LeaktraceError) as raised:
        terminal(make_desk(tmp_path, 1, (row("c1"),)))(*arguments)
    assert raised.value.message
    assert raised.value.hint


def test_a_kept_list_read_back_has_the_same_digest() -> None:
    frozen = exposure((row("c1", widened_by=("name",)), row("c2", jurisdiction=None, locale=None)))
    for one in (frozen, dataclasses.replace(frozen, window_start_at=None, notes=("a",), fields_in_mail={"name": 2})):
        again = exposure_of(json.loads(json.dumps(to_document(one))))
        assert again == one
        assert again.sha256() == one.sha256()
