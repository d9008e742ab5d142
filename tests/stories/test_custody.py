"""The custody log through the command line: checked, given away, witnessed, stamped, restored, and attacked."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import leaktrace
from leaktrace.caserecords import NoteAdded
from leaktrace.cases.custody import tree
from leaktrace.cases.custody.tiles import export
from leaktrace.errors import CustodyError
from tests.cases.custody_logs import checkpoint_of, log_of
from tests.stories.desk import Desk
from tests.stories.unharmed import refused


@pytest.fixture
def cased(empty_desk: Desk) -> Desk:
    """A workspace with two people and a case."""
    empty_desk.json("people", "add", "root", "--role", "admin", "--plain")
    empty_desk.json("people", "add", "ina", "--role", "investigator", "--plain", "--as", "root")
    empty_desk.json("case", "open", "--title", "Case one", "--as", "ina")
    return empty_desk


def note(desk: Desk, text: str) -> None:
    case = desk.json("case", "list", "--as", "ina")[0]["case"]
    desk.json("case", "note", case, text, "--as", "ina")


def checkpoint(desk: Desk, out: Path) -> Any:
    return desk.json("custody", "checkpoint", "--out", out)


def test_without_a_case_there_is_no_log(empty_desk: Desk) -> None:
    refused(empty_desk.run("custody", "verify", "--json"), "no custody log yet")


def test_a_log_is_checked_and_says_when_nothing_from_outside_vouches_for_it(cased: Desk, tmp_path: Path) -> None:
    found = cased.json("custody", "verify")
    assert found["size"] == found["event_count"] == found["anchored_size"]
    assert found["compared_size"] is None
    assert "could have rewritten all of this" in cased.run("custody", "verify").out
    made = checkpoint(cased, tmp_path / "kept")
    note(cased, "later")
    again = cased.json("custody", "verify", "--checkpoint", tmp_path / "kept", "--log", made["vkey"])
    assert (again["compared_size"], again["size"]) == (made["size"], made["size"] + 1)
    assert made["fingerprint"] == again["fingerprint"]


def test_everything_leaves_in_files_that_need_no_workspace(cased: Desk, tmp_path: Path) -> None:
    made = checkpoint(cased, tmp_path / "kept")
    cased.json("custody", "export", tmp_path / "log")
    cased.json("custody", "proof", 2, "--out", tmp_path / "entry.tlog-proof")
    elsewhere = Desk(tmp_path / "no workspace", tmp_path / "other config")
    found = elsewhere.json("custody", "verify", "--folder", tmp_path / "log", "--log", made["vkey"])
    assert (found["size"], found["compared_size"]) == (made["size"], None)
    compare = ("custody", "verify", "--log", made["vkey"], "--checkpoint", tmp_path / "kept")
    assert elsewhere.json(*compare, "--folder", tmp_path / "log")["compared_size"] == made["size"]
    refused(elsewhere.run(*compare, "--proof", tmp_path / "entry.tlog-proof", "--json"), "its own checkpoint")
    proven = elsewhere.json("custody", "verify", "--proof", tmp_path / "entry.tlog-proof", "--log", made["vkey"])
    assert proven["index"] == 2
    assert '"kind":"CaseOpened"' in proven["entry"]
    (tmp_path / "log" / "checkpoint").unlink()
    refused(
        elsewhere.run("custody", "verify", "--folder", tmp_path / "log", "--log", made["vkey"], "--json"), "missing"
    )
    refused(elsewhere.run("custody", "verify", "--folder", tmp_path / "log", "--json"), "the log's key")
    refused(cased.run("custody", "proof", 99, "--json"), "99")
    refused(cased.run("custody", "proof", "x", "--json"), "number")
    refused(cased.run("custody", "proof", "9" * 5000, "--json"), "number")


def test_an_exhibit_is_proven_by_its_name(cased: Desk, tmp_path: Path) -> None:
    case = cased.json("case", "open", "--tip", "Somebody offers a list.", "--title", "Tip", "--as", "ina")["case"]
    exhibit = cased.json("case", "exhibits", case, "--as", "ina")[0]["exhibit"]
    vkey = checkpoint(cased, tmp_path / "kept")["vkey"]
    cased.json("custody", "proof", case, exhibit, "--out", tmp_path / "p")
    proven = cased.json("custody", "verify", "--proof", tmp_path / "p", "--log", vkey)
    assert '"kind":"ExhibitStored"' in proven["entry"]
    assert case in proven["entry"]
    refused(cased.run("custody", "proof", case, "E-9999", "--json"), "no exhibit E-9999")


def test_what_a_witness_is_asked_about_is_kept_though_the_log_grows(cased: Desk) -> None:
    environment = {"XDG_CONFIG_HOME": str(cased.config)}
    with leaktrace.open(cased.workspace, environment=environment) as workspace, workspace.custody() as custody:
        text = custody.witness_request(0)
        note(cased, "meanwhile")
        _, _, checkpoint = text.partition("\n\n")
        size = int(checkpoint.splitlines()[1])
        kept = cased.workspace / "cases" / "custody" / f"{size}.checkpoint"
        assert kept.read_text().splitlines()[:3] == checkpoint.splitlines()[:3]
        assert custody.log.head().size > size


def test_a_witness_cosigns_and_a_quorum_is_asked_for(cased: Desk, tmp_path: Path) -> None:
    vkey = checkpoint(cased, tmp_path / "kept")["vkey"]
    elsewhere = Desk(tmp_path / "no workspace", tmp_path / "witness config")
    made = elsewhere.json("custody", "witness-key", tmp_path / "w.key", "--name", "counsel.example", "--plain")
    cased.json("custody", "checkpoint", "--request", "--out", tmp_path / "request")
    witness = ("custody", "witness", tmp_path / "request", "--key", tmp_path / "w.key", "--name", "counsel.example",
               "--state", tmp_path / "seen", "--log", vkey)  # fmt: skip
    said = elsewhere.json(*witness, "--out", tmp_path / "line")
    assert (said["seen_before"], said["vkey"]) == (0, made["vkey"])
    cased.json("custody", "cosigned", tmp_path / "line", "--witness", made["vkey"])
    kept = cased.workspace / "cases" / "custody" / f"{said['size']}.checkpoint"
    found = cased.json("custody", "verify", "--checkpoint", kept, "--witness", made["vkey"], "--quorum", 1)
    assert [one["witness"] for one in found["cosigned"]] == ["counsel.example"]
    refused(cased.run("custody", "verify", "--checkpoint", tmp_path / "kept", "--witness", made["vkey"], "--quorum", 1,
                      "--json"), "0 known witnesses")  # fmt: skip
    # Later the log grows; the witness wants to see that it only grew.
    note(cased, "later")
    cased.json("custody", "checkpoint", "--request", "--out", tmp_path / "request")
    refused(elsewhere.run(*witness, "--json"), f"seen the log at {said['size']} entries")
    cased.json("custody", "checkpoint", "--request", "--old", said["size"], "--out", tmp_path / "request")
    assert elsewhere.json(*witness)["seen_before"] == said["size"]


def test_the_recipe_by_hand_in_the_documentation_gives_the_root(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "custody.md").read_text(encoding="utf-8")
    recipe = page.partition("## By hand")[2].split("```\n")[1]
    log = log_of(2)
    export(log, checkpoint_of(log), tmp_path / "log-for-the-auditor")
    done = subprocess.run(["bash", "-eu", "-c", recipe], cwd=tmp_path, capture_output=True, text=True, check=True)
    made, signed = done.stdout.splitlines()
    assert made == signed
    assert made == base64.b64encode(bytes.fromhex(log.head().root)).decode()


# --- attacks -------------------------------------------------------------------------------------------------


def cut_off_last_event(database: Path) -> None:
    """What the owner of the server does: the last event goes, and every hash is made anew."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in names:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM custody_entries WHERE idx = (SELECT max(idx) FROM custody_entries)")
        connection.execute("DELETE FROM case_events WHERE idx = (SELECT max(idx) FROM case_events)")
        leaves = [leaf for (leaf,) in connection.execute("SELECT leaf FROM custody_entries ORDER BY idx")]
        edge = tree.Frontier().extend(tree.leaf_hashes(leaves))
        connection.execute("UPDATE custody_edge SET size = ?, peaks = ?", (edge.size, b"".join(edge.peaks)))


def test_a_log_that_was_cut_off_is_refused_by_its_anchor_and_by_whoever_kept_a_checkpoint(
    cased: Desk, tmp_path: Path
) -> None:
    anchor = cased.workspace / "cases" / "custody.anchor"
    early = anchor.read_bytes()
    note(cased, "What somebody would like to be forgotten.")
    checkpoint(cased, tmp_path / "kept")
    cut_off_last_event(cased.workspace / "cases" / "cases.db")
    refused(cased.run("custody", "verify", "--json"), "cut off")
    refused(cased.run("case", "list", "--as", "ina", "--json"), "cut off")
    # The owner also puts the earlier anchor back: now the workspace looks whole. This is what nobody inside can see …
    anchor.write_bytes(early)
    assert cased.run("custody", "verify").code == 0
    # … and a checkpoint that was given away shows.
    refused(cased.run("custody", "verify", "--checkpoint", tmp_path / "kept", "--json"), "cut off")


def test_an_anchor_outside_the_workspace_sees_an_older_copy_of_it_put_back(cased: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    made = checkpoint(cased, tmp_path / "kept")
    outside.mkdir()
    shutil.copy(tmp_path / "kept", outside / f"{made['origin'].partition('/')[2]}.checkpoint")
    shutil.copytree(cased.workspace, tmp_path / "older")
    environment = {**cased.environment(), "LEAKTRACE_CUSTODY_ANCHOR": str(outside)}
    with leaktrace.open(cased.workspace, environment=environment) as workspace:
        room = workspace.case_room()
        with room.store.writing() as transaction:
            transaction.append(room.store.ids()[0], "ina", room.clock(), [NoteAdded("Later.")])
    shutil.rmtree(cased.workspace)
    shutil.move(tmp_path / "older", cased.workspace)
    assert cased.run("custody", "verify").code == 0  # without the anchor outside nothing shows
    with (
        leaktrace.open(cased.workspace, environment=environment) as workspace,
        pytest.raises(CustodyError, match="cut off"),
    ):
        workspace.verify_custody()


def test_a_workspace_restored_from_its_back_up_is_whole(cased: Desk, tmp_path: Path) -> None:
    """Folder and key from back-ups, on another machine: the log continues what was given away before."""
    (tmp_path / "phrase").write_text("four words nobody joins")
    (tmp_path / "phrase").chmod(0o600)
    cased.json("keys", "backup", tmp_path / "paper", "--passphrase-file", tmp_path / "phrase")
    checkpoint(cased, tmp_path / "kept")
    shutil.copytree(cased.workspace, tmp_path / "copy")
    new = replace(cased, workspace=tmp_path / "copy", config=tmp_path / "new config")
    refused(new.run("custody", "verify", "--json"), "cannot be read")
    new.json("keys", "restore", tmp_path / "paper", "--passphrase-file", tmp_path / "phrase")
    found = new.json("custody", "verify", "--checkpoint", tmp_path / "kept")
    assert found["compared_size"] == found["size"] == found["event_count"]


def test_after_a_rotation_the_log_has_a_new_key_and_continues_the_old_one(cased: Desk, tmp_path: Path) -> None:
    old = checkpoint(cased, tmp_path / "kept")
    done = cased.json("keys", "rotate", "--no-backup")["rotated"]
    assert done["resealed"]["events and exhibits of cases"] == old["size"]
    assert done["log_vkey"] != old["vkey"]
    found = cased.json("custody", "verify", "--checkpoint", tmp_path / "kept", "--log", old["vkey"])
    assert found["compared_size"] == old["size"]
    note(cased, "later")
    new = checkpoint(cased, tmp_path / "new")
    assert new["vkey"] == done["log_vkey"]
    handover = Path(done["handover_file"]).read_text()
    assert old["vkey"] in handover
    assert new["vkey"] in handover
    refused(
        cased.run("custody", "verify", "--checkpoint", tmp_path / "new", "--log", old["vkey"], "--json"),
        "No known key",
    )
