"""The life of a workspace key: backed up on paper, rotated (and killed meanwhile), lost, restored."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest

import leaktrace
from leaktrace.errors import KeyFileError
from leaktrace.keybackup import backup_text, read_backup
from leaktrace.keys import Keyring, KeySecrets, parse_key_text, read_key_file, replace_key_file, write_new_key_file
from leaktrace.mailroom import RawStore
from leaktrace.passphrases import Cost
from tests.cases.custody_logs import START
from tests.stories.desk import Desk

PHRASE = "four words nobody joins"
CHEAP = Cost(rounds=1, memory_kibibytes=64, lanes=1)
RANDOM_DELAYS = (0.0, 0.03, 0.08, 0.15, 0.25, 0.4)


@pytest.fixture
def keyed(filled_once: Desk, tmp_path: Path) -> Desk:
    """A filled workspace with a key file of its own: these tests change it."""
    desk = filled_once.copy_to(tmp_path / "keyed")
    shutil.copytree(desk.config, tmp_path / "keyed config")
    return replace(desk, config=tmp_path / "keyed config")


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    (tmp_path / "phrase").write_text(PHRASE + "\n")
    (tmp_path / "phrase").chmod(0o600)
    return tmp_path / "phrase"


def key_file(desk: Desk) -> Path:
    return Path(desk.run("keys", "status", "--json").document()["key_file"])


def answers(desk: Desk) -> Any:
    """What a workspace says that takes its names, its mail and its kept evidence."""
    finding = desk.json("trace", desk.main_campaign())
    return desk.json("campaigns"), {name: value for name, value in finding.items() if name != "provenance"}


# --- back-up -------------------------------------------------------------------------------------------------


def test_a_key_is_backed_up_lost_and_restored(keyed: Desk, phrase: Path, tmp_path: Path) -> None:
    before = keyed.json("campaigns")
    assert keyed.run("keys", "status").code == 3
    paper = tmp_path / "paper.txt"
    keyed.json("keys", "backup", paper, "--passphrase-file", phrase)
    assert keyed.json("keys", "status")["backup_generation"] == 1
    assert stat.S_IMODE(paper.stat().st_mode) == 0o600
    secret = read_key_file(key_file(keyed)).root.hex()
    assert secret not in paper.read_text()
    shutil.rmtree(keyed.config)
    assert keyed.run("campaigns", "--json").code == 2
    done = keyed.json("keys", "restore", paper, "--passphrase-file", phrase)
    assert done["is_new_file"]
    assert stat.S_IMODE(Path(done["key_file"]).stat().st_mode) == 0o600
    assert keyed.json("campaigns") == before
    assert not keyed.json("keys", "restore", paper, "--passphrase-file", phrase)["is_new_file"]


def test_a_back_up_never_lies_inside_the_workspace_or_over_another(keyed: Desk, phrase: Path, tmp_path: Path) -> None:
    for out in (keyed.workspace / "paper.txt", phrase):
        assert keyed.run("keys", "backup", out, "--passphrase-file", phrase, "--json").error()
    (tmp_path / "short").write_text("short")
    (tmp_path / "short").chmod(0o600)
    told = keyed.run("keys", "backup", tmp_path / "p", "--passphrase-file", tmp_path / "short", "--json").error()
    assert "guessed" in told["message"]
    assert not (tmp_path / "p").exists()


def test_another_workspaces_paper_restores_nothing(keyed: Desk, empty_desk: Desk, phrase: Path, tmp_path: Path) -> None:
    empty_desk.json("keys", "backup", tmp_path / "other.txt", "--passphrase-file", phrase)
    told = keyed.run("keys", "restore", tmp_path / "other.txt", "--passphrase-file", phrase, "--json").error()
    assert "is of the workspace" in told["message"]
    # And a paper that claims to be this one's is found out by the seal.
    text = (tmp_path / "other.txt").read_text()
    own = keyed.workspace / "leaktrace.json"
    other_id = text.split("workspace: ")[1].split("\n")[0]
    own_id = own.read_text().split('"id": "')[1].split('"')[0]
    (tmp_path / "other.txt").write_text(text.replace(other_id, own_id))
    told = keyed.run("keys", "restore", tmp_path / "other.txt", "--passphrase-file", phrase, "--json").error()
    assert "does not open" in told["message"]


def test_a_slip_in_typing_is_named_by_its_line() -> None:
    held = KeySecrets(bytes(range(32)), (bytes(range(1, 33)),))
    text = backup_text(held, "5f2c", PHRASE, START, CHEAP)
    assert read_backup(text.encode()).open(PHRASE) == held
    typed = "\r\n".join(f"  {line} " for line in text.splitlines())
    assert read_backup(typed.encode()).open(PHRASE) == held
    lines = text.splitlines()
    third = next(place for place, line in enumerate(lines) if line.startswith("03 "))
    swapped = lines[third][:-1] + ("A" if lines[third][-1] != "A" else "B")
    with pytest.raises(KeyFileError, match="Line 3 of the back-up has a slip"):
        read_backup("\n".join([*lines[:third], swapped, *lines[third + 1 :]]).encode())
    with pytest.raises(KeyFileError, match="Line 3 of the back-up is missing"):
        read_backup("\n".join([*lines[:third], *lines[third + 1 :]]).encode())
    for nothing in (b"", b"\xff" * 100, text.replace("v1", "v9").encode()):
        with pytest.raises(KeyFileError, match="not a back-up"):
            read_backup(nothing)


# --- rotation ------------------------------------------------------------------------------------------------


def test_what_is_sealed_is_sealed_anew_and_every_answer_stays(keyed: Desk, phrase: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind,received_at\nc0000001,listed,2026-01-05T00:00:00Z\n")
    keyed.json("ingest", "evidence", evidence)
    before, old_key = answers(keyed), key_file(keyed).read_bytes()
    status = keyed.run("keys", "status", "--json").document()
    done = keyed.json("keys", "rotate", "--backup", tmp_path / "paper2.txt", "--passphrase-file", phrase)
    resealed = done["rotated"]["resealed"]
    assert resealed["name files"] >= 2
    assert resealed["mail files and records"] > 10
    assert resealed["evidence files"] == 1
    assert answers(keyed) == before
    assert keyed.run("ledger", "verify").code == 0
    assert keyed.run("lookups").code == 0
    after = keyed.json("keys", "status")
    assert (after["generation"], after["resealed_generation"], after["backup_generation"]) == (2, 2, 2)
    assert after["earlier_log_vkeys"] == [status["log_vkey"]]
    assert after["log_vkey"] != status["log_vkey"]
    _nothing_opens_with(old_key, keyed, tmp_path)


def _nothing_opens_with(old_key: bytes, desk: Desk, tmp_path: Path) -> None:
    """What somebody who has the earlier key file and today's workspace can read of the mail: nothing."""
    (tmp_path / "old.key").write_bytes(old_key)
    (tmp_path / "old.key").chmod(0o600)
    workspace_id = key_file(desk).stem
    thief = RawStore(desk.workspace / "mail" / "raw", Keyring(read_key_file(tmp_path / "old.key"), workspace_id))
    names = list(thief)
    assert names
    for name in names:
        with pytest.raises(KeyFileError):
            thief.get(name)
    stolen = replace(desk, key_file=tmp_path / "old.key")
    assert "older than the workspace" in stolen.run("campaigns", "--json").error()["message"]


def test_the_back_up_from_before_a_rotation_is_refused(keyed: Desk, phrase: Path, tmp_path: Path) -> None:
    keyed.json("keys", "backup", tmp_path / "p1", "--passphrase-file", phrase)
    keyed.json("keys", "rotate", "--backup", tmp_path / "p2", "--passphrase-file", phrase)
    key_file(keyed).unlink()
    told = keyed.run("keys", "restore", tmp_path / "p1", "--passphrase-file", phrase, "--json").error()
    assert "holds generation 1 of the key; the workspace is sealed under 2" in told["message"]
    assert keyed.json("keys", "restore", tmp_path / "p2", "--passphrase-file", phrase)["generation"] == 2
    assert keyed.json("campaigns")


def test_a_rotation_says_where_the_new_back_up_goes(keyed: Desk) -> None:
    for options in ((), ("--no-backup", "--backup", "x")):
        assert "opens nothing any more" in keyed.run("keys", "rotate", *options, "--json").error()["message"]
    assert keyed.run("keys", "status", "--json").document()["generation"] == 1


class Rotator:
    """Rotates in processes that can be killed."""

    def __init__(self, desk: Desk) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.rotating"],
            env=desk.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def killed_after(self, workspace: Path, seconds: float) -> bool:
        """Whether it was killed; False: it had ended before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{workspace}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        sleep(seconds)
        # Until it was waited for, the number stays the child's.
        os.kill(child, signal.SIGKILL)
        return self._process.stdout.readline() == f"ended {signal.SIGKILL.value}\n"

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def rotator(keyed: Desk) -> Iterator[Rotator]:
    made = Rotator(keyed)
    yield made
    made.close()


def test_a_rotation_killed_at_any_moment_loses_nothing_and_goes_on(keyed: Desk, rotator: Rotator) -> None:
    campaigns = keyed.json("campaigns")
    killed = 0
    for seconds in RANDOM_DELAYS:
        killed += rotator.killed_after(keyed.workspace, seconds)
        assert keyed.json("campaigns") == campaigns
    assert killed
    status = keyed.run("keys", "status", "--json").document()
    done = keyed.json("keys", "rotate", "--no-backup")["rotated"]
    if status["resealed_generation"] < status["generation"]:
        assert done["generation"] == status["generation"], "an unfinished rotation goes on; it does not begin another"
    assert keyed.json("campaigns") == campaigns
    assert keyed.run("ledger", "verify").code == 0
    with leaktrace.open(keyed.workspace, environment=keyed.environment()) as workspace:
        assert set(workspace.finish_key_rotation().resealed.values()) == {0}, "all of it is under the newest"
        assert len(workspace.evidence_of(campaigns[0]["campaign"]).items)


def test_two_workspaces_of_one_key_file_are_rotated_one_after_the_other(tmp_path: Path) -> None:
    first = Desk(tmp_path / "a", tmp_path / "config", tmp_path / "both.key")
    second = replace(first, workspace=tmp_path / "b")
    for desk in (first, second):
        desk.json("init")
    assert first.json("keys", "rotate", "--no-backup")["rotated"]["generation"] == 2
    assert second.run("keys", "status", "--json").document()["resealed_generation"] == 1
    assert second.json("campaigns") == []
    assert second.json("keys", "rotate", "--no-backup")["rotated"]["generation"] == 2
    third = replace(first, workspace=tmp_path / "c")
    third.json("init")
    assert third.run("keys", "status", "--json").document()["resealed_generation"] == 2


# --- the key file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generations", [1, 2, 5])
def test_a_key_file_is_read_as_it_was_written(tmp_path: Path, generations: int) -> None:
    held = KeySecrets(bytes(range(32)))
    for _ in range(generations - 1):
        held = held.rotated()
    write_new_key_file(tmp_path / "k", held)
    assert read_key_file(tmp_path / "k") == held
    assert held.root.hex() not in repr(held) + repr(Keyring(held, "w"))
    assert Keyring(held, "w").generation == generations


def test_hashes_stay_and_seals_change() -> None:
    held = KeySecrets(bytes(range(32)))
    old, new = Keyring(held, "w"), Keyring(held.rotated(), "w")
    assert old.check_value() == new.check_value()
    assert list(old.customer_keys(["c1"])) == list(new.customer_keys(["c1"]))
    assert old.address_hash("a") == new.address_hash("a")
    sealed = old.encrypt(b"x", "here")
    assert (new.decrypt(sealed, "here"), new.generation_of(sealed, "here")) == (b"x", 1)
    anew = new.resealed(sealed, "here")
    assert anew is not None
    assert new.resealed(anew, "here") is None
    with pytest.raises(KeyFileError):
        old.decrypt(anew, "here")
    with pytest.raises(KeyFileError):
        new.decrypt(anew, "there")
    assert old.custody_seeds() == new.custody_seeds()[:1]


@pytest.mark.parametrize(
    "text",
    ["leaktrace-key-2", "leaktrace-key-2\nroot 00", "leaktrace-key-1 00", "",
     "leaktrace-key-2\nroot " + "0" * 64, "leaktrace-key-2\nroot " + "0" * 64 + "\n3 " + "1" * 64,
     "leaktrace-key-2\n2 " + "0" * 64 + "\nroot " + "1" * 64],
)  # fmt: skip
def test_what_is_no_key_file(text: str) -> None:
    assert parse_key_text(text) is None


def test_a_key_file_never_loses_a_secret(tmp_path: Path) -> None:
    held = KeySecrets(bytes(range(32))).rotated()
    write_new_key_file(tmp_path / "k", held)
    for lossy in (KeySecrets(held.root), KeySecrets(bytes(32), held.later), KeySecrets(held.root).rotated()):
        with pytest.raises(KeyFileError, match="would be lost"):
            replace_key_file(tmp_path / "k", lossy)
    assert read_key_file(tmp_path / "k") == held
