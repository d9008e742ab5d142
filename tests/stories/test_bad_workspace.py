"""A workspace that is not as it was left, and a key that is not there: refused in a sentence, and nothing is lost."""

from __future__ import annotations

import gc
import json
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from leaktrace.errors import LeaktraceError
from leaktrace.folder import open_folder
from leaktrace.keys import write_new_key_file
from leaktrace.mailroom import RawStore
from tests.mailroom.servers.starting import wait_until
from tests.stories.desk import PROGRAM, Desk
from tests.stories.unharmed import refused, replaced, unharmed

KEY_FILES = "leaktrace/keys/*.key"


def _key_file(desk: Desk) -> Path:
    (path,) = [p for p in desk.config.glob(KEY_FILES) if p.stem == _marker(desk)["id"]]
    return path


def _marker(desk: Desk) -> dict[str, object]:
    document: dict[str, object] = json.loads((desk.workspace / "leaktrace.json").read_text(encoding="utf-8"))
    return document


# --- the folder -------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_workspace_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "nothing", tmp_path / "config")
    for command in (["campaigns"], ["ledger", "stats"], ["trace", "c-1"], ["lookups"], ["mail", str(tmp_path)]):
        refused(desk.run(*command, "--json"), str(desk.workspace), "is not a workspace")
    assert not desk.workspace.exists()


def test_a_workspace_is_never_made_over_something(desk: Desk) -> None:
    with unharmed(desk):
        before = {path: path.stat().st_mtime_ns for path in desk.workspace.rglob("*")}
        keys = sorted(desk.config.rglob("*.key"))
        refused(desk.run("init", "--json"), str(desk.workspace), "but a workspace already; it was left as it is")
        assert {path: path.stat().st_mtime_ns for path in desk.workspace.rglob("*")} == before
        assert sorted(desk.config.rglob("*.key")) == keys


@pytest.mark.parametrize("lost", [["leaktrace.json"], ["leaktrace.json", "lookups.head"]])
def test_a_workspace_whose_making_was_interrupted_is_made_again(empty_desk: Desk, lost: list[str]) -> None:
    for name in ("ledger", "mail"):
        shutil.rmtree(empty_desk.workspace / name)
    for name in lost:
        (empty_desk.workspace / name).unlink()
    refused(empty_desk.run("campaigns", "--json"), "is not a workspace")
    empty_desk.json("init")
    assert empty_desk.json("lookups")["entries"] == []


def test_a_lookup_log_with_entries_is_never_made_over(desk: Desk) -> None:
    desk.json("trace", desk.main_campaign())
    for name in ("ledger", "mail"):
        shutil.rmtree(desk.workspace / name)
    (desk.workspace / "leaktrace.json").unlink()
    log = (desk.workspace / "lookups.ndjson").read_bytes()
    refused(desk.run("init", "--json"), str(desk.workspace), "is not an empty folder")
    assert (desk.workspace / "lookups.ndjson").read_bytes() == log


def test_the_key_file_is_never_made_inside_the_workspace(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ws", tmp_path / "config", key_file=tmp_path / "ws" / "secret.key")
    refused(desk.run("init", "--json"), "would lie inside the workspace")
    assert not desk.workspace.exists()


def test_a_workspace_of_a_newer_version_is_left_alone(desk: Desk) -> None:
    marker = desk.workspace / "leaktrace.json"
    with unharmed(desk):
        newer = json.dumps({**_marker(desk), "format": 99}).encode()
        with replaced(marker, newer):
            for command in (["campaigns"], ["ledger", "stats"], ["mail", str(desk.workspace)]):
                refused(desk.run(*command, "--json"), str(desk.workspace), "newer leaktrace", "format 99")
            assert marker.read_bytes() == newer


@pytest.mark.parametrize("database", ["ledger/ledger.db", "mail/mail.db"])
def test_a_database_of_a_newer_version_is_left_alone(desk: Desk, database: str) -> None:
    statement = {"ledger/ledger.db": "PRAGMA user_version = 99", "mail/mail.db": "UPDATE book SET format = 99"}[
        database
    ]
    path = desk.workspace / database
    with unharmed(desk), replaced(path, path.read_bytes()):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()
        changed = path.read_bytes()
        refused(desk.run("campaigns", "--json"), str(path), "newer", "format 99")
        assert path.read_bytes() == changed


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"format": 1}', b'{"format": Infinity, "id": "x"}',
        b'{"format": 1, "id": "x", "key_check": "y", "key_generation": "z"}', b"\xff\xfe", b"[" * 100_000, None,
    ],
)  # fmt: skip
def test_a_marker_that_cannot_be_read_is_named(desk: Desk, content: bytes | None) -> None:
    marker = desk.workspace / "leaktrace.json"
    with unharmed(desk), replaced(marker, content):
        refused(desk.run("campaigns", "--json"), str(desk.workspace))


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"naming_treshold": 0.5}', "There is no setting 'naming_treshold'"),
        (b'{"naming_threshold_probability": 0.2}', "lies between 0.9 and 0.9999; 0.2 does not"),
        (b'{"control_seed": -1}', "begins at 0; -1 does not"),
        (b'{"naming_threshold_probability": "high"}', "is a number, not 'high'"),
        (b'{"control_count": true}', "is a whole number, not True"),
        (b'{"control_count": 1.5}', "is a whole number, not 1.5"),
        (b'{"acknowledge_reports": 1}', "is true or false, not 1"),
        (b'{"acknowledge_from": true}', "is a text, not True"),
        (b'{"trusted_receivers": "mx.example"}', "is a list of texts"),
        (b'{"naming_threshold_probability": NaN}', "is not JSON"),
        (b'{"naming_threshold_probability": 1e999}', "lies between"),
        (b"[]", "is not a JSON object"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_bad_settings_are_refused_with_their_file(desk: Desk, content: bytes, words: str) -> None:
    path = desk.workspace / "settings.json"
    path.write_bytes(content)
    refused(desk.run("campaigns", "--json"), str(path), words)
    path.unlink()
    assert desk.json("campaigns")


def test_a_setting_that_is_changed_is_in_force_and_in_the_finding(desk: Desk) -> None:
    campaign = desk.main_campaign()
    before = desk.json("trace", campaign)
    (desk.workspace / "settings.json").write_text('{"naming_threshold_probability": 0.999}', encoding="utf-8")
    after = desk.json("trace", campaign)
    assert after["naming_threshold"] == 0.999
    assert after["provenance"]["settings_digest"] != before["provenance"]["settings_digest"]


# --- keys -------------------------------------------------------------------------------------------------


def test_a_lost_key_file_is_named_and_nothing_is_made_in_its_place(desk: Desk, tmp_path: Path) -> None:
    # A configuration of its own: other tests use the shared key at the same time.
    shutil.copytree(desk.config, tmp_path / "own-config")
    desk = replace(desk, config=tmp_path / "own-config")
    key_file = _key_file(desk)
    kept = key_file.with_suffix(".elsewhere")
    with unharmed(desk):
        key_file.rename(kept)
        try:
            for command in (["campaigns"], ["trace", "c-1"], ["ingest", "accesses", "x.csv"]):
                refused(desk.run(*command, "--json"), str(key_file), "cannot be read: No such file")
            assert "backup" in desk.run("campaigns", "--json").error()["hint"]
            assert not key_file.exists()
            assert replace(desk, key_file=kept).json("campaigns")
        finally:
            kept.rename(key_file)


def test_another_workspaces_key_opens_nothing(desk: Desk, tmp_path: Path) -> None:
    write_new_key_file(tmp_path / "other.key")
    stranger = replace(desk, key_file=tmp_path / "other.key")
    with unharmed(desk):
        for command in (["campaigns"], ["ledger", "stats"], ["lookups"]):
            refused(stranger.run(*command, "--json"), str(tmp_path / "other.key"), "is not the key of the workspace")


@pytest.mark.parametrize("content", [b"", b"leaktrace-key-1 ", b"leaktrace-key-1 abcd\n", b"\xff" * 100, b"0" * 64])
def test_a_damaged_key_file_is_named(desk: Desk, tmp_path: Path, content: bytes) -> None:
    damaged = tmp_path / "damaged.key"
    damaged.write_bytes(content)
    damaged.chmod(0o600)
    answer = replace(desk, key_file=damaged).run("campaigns", "--json")
    refused(answer, str(damaged), "is not a leaktrace key file")
    assert content[:4] not in (b"", b"\xff" * 4) or "abcd" not in answer.out


def test_a_key_file_that_is_a_folder_is_named(desk: Desk, tmp_path: Path) -> None:
    refused(replace(desk, key_file=tmp_path).run("campaigns", "--json"), str(tmp_path), "cannot be read")


# --- stored bytes -----------------------------------------------------------------------------------------


def _spoiled(content: bytes) -> bytes:
    """The same length, with every byte of the middle half turned over."""
    quarter = len(content) // 4
    return content[:quarter] + bytes(b ^ 0xFF for b in content[quarter:-quarter]) + content[-quarter:]


def _every_command(desk: Desk) -> list[tuple[str, ...]]:
    return [("campaigns",), ("ledger", "stats"), ("trace", desk.main_campaign())]


@pytest.mark.parametrize("database", ["ledger/ledger.db", "mail/mail.db"])
@pytest.mark.parametrize("content", ["spoiled", "no database", "cut"])
def test_a_damaged_database_is_named(desk: Desk, database: str, content: str) -> None:
    path = desk.workspace / database
    whole = path.read_bytes()
    spoiled = {"spoiled": _spoiled(whole), "no database": b"x" * 4096, "cut": whole[: len(whole) // 2]}[content]
    commands = _every_command(desk)
    before = desk.json("campaigns")
    with replaced(path, spoiled):
        answers = [desk.run(*command, "--json") for command in commands]
    assert {answer.code for answer in answers} <= {0, 2}
    failed = [answer for answer in answers if answer.code == 2]
    assert failed, "nobody noticed"
    for answer in failed:
        refused(answer, str(path.parent))
    assert desk.json("campaigns") == before


@pytest.mark.parametrize("what", ["lake/accesses", "lake/customers", "lake/contacts", "dictionary"])
def test_a_damaged_file_of_the_ledger_gives_no_answer(desk: Desk, what: str) -> None:
    files = [path for path in (desk.workspace / "ledger" / what).rglob("*") if path.is_file()]
    path = max(files, key=lambda file: file.stat().st_size)
    whole = path.read_bytes()
    campaign = desk.main_campaign()
    with unharmed(desk, findings=True):
        for content in (_spoiled(whole), whole[: len(whole) // 2], None):
            with replaced(path, content):
                answer = desk.run("trace", campaign, "--json")
            refused(answer, str(desk.workspace / "ledger"))
            assert "backup" in answer.error()["hint"]


def test_damaged_evidence_is_named(desk: Desk, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind,received_at\n1,report,2025-06-01T00:00:00Z\n", encoding="utf-8")
    desk.json("ingest", "evidence", evidence)
    (kept,) = (desk.workspace / "evidence").glob("*.sealed")
    sealed = kept.read_bytes()
    changed = sealed[:-2] + (b"01" if sealed.endswith(b"00") else b"00")
    with unharmed(desk):
        for content in (b"", b"\xff", b"zz", sealed[:-2], changed, sealed[:20]):
            with replaced(kept, content):
                refused(desk.run("campaigns", "--json"), kept.stem)


def _answer(store: RawStore, name: str) -> bytes | LeaktraceError:
    try:
        return store.get(name)
    except LeaktraceError as error:
        return error


def test_damaged_raw_mail_is_never_taken_for_the_mail(desk: Desk, tiny_market: Path) -> None:
    folder = desk.workspace / "mail" / "raw"
    (path,) = (folder / "packs").iterdir()
    with unharmed(desk, findings=True), replaced(path, _spoiled(path.read_bytes())):
        store = RawStore(folder, open_folder(desk.workspace, desk.environment()).keyring)
        answers = {name: _answer(store, name) for name in store}
        errors = {name: answer for name, answer in answers.items() if isinstance(answer, LeaktraceError)}
        assert errors
        assert all(name in error.message and error.hint for name, error in errors.items())
        # What was read from it stands beside it: answers do not change, and the message is not taken for a new one.
        assert desk.json("campaigns")
        again = desk.json("mail", tiny_market / "abuse.mbox")
        assert again["duplicate_count"] == again["message_count"]


def test_a_workspace_can_be_moved(desk: Desk, tmp_path: Path) -> None:
    before = desk.json("trace", desk.main_campaign())
    shutil.move(desk.workspace, tmp_path / "moved")
    moved = replace(desk, workspace=tmp_path / "moved")
    assert moved.json("trace", moved.main_campaign()) == before


def test_whoever_interrupts_a_command_is_told_so(empty_desk: Desk, tmp_path: Path) -> None:
    """A timer stands for Ctrl-C: its handler is the one that Python has for SIGINT."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    # Python drops what is raised while it disposes of something, as of what other tests of this process left behind.
    gc.collect()
    gc.disable()
    try:
        for option in ((), ("--json",)):
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            told = empty_desk.run("simulate", tmp_path / f"market{len(option)}", "--accesses", "3000000", *option)
            assert told.code == 130, told
            message = told.document()["error"]["message"] if option else told.err
            assert message.startswith("Interrupted"), told
    finally:
        gc.enable()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_command_that_is_terminated_says_what_stays_and_leaves_nothing_half_written(
    empty_desk: Desk, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "market"
    with subprocess.Popen(
        [PROGRAM, "-w", empty_desk.workspace, "simulate", out, "--accesses", "3000000", *options],
        env=empty_desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: any(tmp_path.rglob("*.parquet")) or process.poll() is not None, "the first file")
        process.terminate()
        printed, told = process.communicate(timeout=60)
    assert process.returncode == 143, told
    message = json.loads(printed)["error"]["message"] if options else told.strip().splitlines()[-1]
    assert message == "Terminated; what was committed before stays. Run it again to go on."
    assert "Traceback" not in told
    assert not out.exists()
    assert [one.name for one in tmp_path.iterdir() if one not in (empty_desk.workspace, empty_desk.config)] == []
