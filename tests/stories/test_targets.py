"""A place that cannot be written is told before the work, the look-up or the use of an approval, not after."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktrace.cli.targets import check_files, check_folder, check_new
from leaktrace.errors import UsageError
from leaktrace.keys import write_new_key_file
from tests.stories.conftest import Library
from tests.stories.desk import Desk


def test_what_can_be_written_is(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x", encoding="utf-8")
    check_files(None, tmp_path / "new", tmp_path / "there")
    check_files(tmp_path / "a" / "b" / "c", makes_folders=True)
    check_new(tmp_path / "new")
    check_new(tmp_path / "a" / "b", folder=True)
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    assert [one.name for one in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (lambda at: check_files(at / "none" / "x.html"), "there is no folder"),
        (check_files, "is a folder"),
        (lambda at: check_files(at / "file" / "x.html"), "is no folder"),
        (lambda at: check_files(at / "x", at / "sub" / ".." / "x"), "same file"),
        (lambda at: check_files(at / "file" / "a" / "x", makes_folders=True), "is no folder"),
        (lambda at: check_files(at / "new", at / "ws" / "leaktrace.json"), "lies in the workspace"),
        (lambda at: check_files(at / "link" / "ledger" / "catalog.db"), "lies in the workspace"),
        (lambda at: check_files(at / "ws" / "a" / "x", makes_folders=True), "lies in the workspace"),
        (lambda at: check_folder(at / "ws"), "lies in the workspace"),
        (lambda at: check_folder(at / "ws" / "bundle"), "lies in the workspace"),
        (lambda at: check_new(at / "ws" / "bundle", folder=True), "lies in the workspace"),
        (lambda at: check_files(at / "sub" / ".." / "file", reads=(None, at / "file")), "would be written over"),
        (lambda at: check_new(at / "file"), "already"),
        (lambda at: check_new(at / "broken"), "already"),
        (lambda at: check_folder(at / "file" / "deep"), "is no folder"),
        (lambda _: check_files(Path("/proc/self/x.html")), "nothing may be written"),
        (lambda _: check_new(Path("/proc/self/a/b"), folder=True), "nothing may be written"),
    ],
)
def test_what_cannot_is_told(asked: object, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "ws" / "ledger").mkdir(parents=True)
    (tmp_path / "ws" / "leaktrace.json").touch()
    (tmp_path / "link").symlink_to(tmp_path / "ws")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert callable(asked)
    with pytest.raises(UsageError, match=why):
        asked(tmp_path)


@pytest.mark.parametrize("option", ["--html", "--customers"])
def test_an_answer_replaces_neither_what_it_was_asked_with_nor_the_workspace(
    option: str, empty_desk: Desk, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind\n1,decoy\n", encoding="utf-8")
    marker = empty_desk.workspace / "leaktrace.json"
    before = (evidence.read_bytes(), marker.read_bytes())
    for out, why in ((evidence, "would be written over"), (marker, "lies in the workspace")):
        error = empty_desk.run("trace", "--evidence", evidence, option, out, "--json").error()
        assert why in error["message"]
    assert (evidence.read_bytes(), marker.read_bytes()) == before


@pytest.mark.parametrize("option", ["--html", "--customers"])
def test_a_bad_target_costs_no_trace_and_no_look_up(option: str, stories: Library, tmp_path: Path) -> None:
    told = stories("one")
    before = len(told.desk.json("lookups")["entries"])
    bad = tmp_path / "none" / "out"
    for command in (("trace", told.campaign), ("calibrate", "--campaigns", "2", "--sizes", "10")):
        if command[0] == "calibrate" and option != "--html":
            continue
        error = told.desk.run(*command, option, bad, "--json").error()
        assert "there is no folder" in error["message"]
        assert str(tmp_path / "none") in error["message"]
    assert len(told.desk.json("lookups")["entries"]) == before
    told.desk.json("trace", told.campaign, option, tmp_path / "out")
    assert len(told.desk.json("lookups")["entries"]) > before


def test_a_key_is_not_written_over_and_texts_may_lie_in_the_workspace(tmp_path: Path) -> None:
    """Whoever names the workspace's key by mistake would lose all that it opens."""
    key, workspace = tmp_path / "x.key", tmp_path / "ws"
    write_new_key_file(key)
    with pytest.raises(UsageError, match="holds a key"):
        check_files(key)
    workspace.mkdir()
    (workspace / "leaktrace.json").touch()
    check_folder(workspace / "texts", in_workspace=True)
    check_files(tmp_path / "beside.html")
