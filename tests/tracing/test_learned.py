"""The file of what was learned: whole or the one before, refused when changed, and free of names."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from leaktrace.attribution import CampaignNumbers
from leaktrace.errors import WorkspaceError
from leaktrace.keys import Keyring
from leaktrace.tracing import learned
from leaktrace.tracing.learned import Learned, Look, Measured

KEYRING = Keyring(b"k" * 32, "w1")
AT = "2026-03-02T09:00:00+00:00"
MEASURED = Measured(CampaignNumbers(-1.25, 0.4), 7, "b" * 64, tells=True)


def with_campaigns(*names: str) -> Learned:
    known = Learned()
    for name in names:
        known = known.with_measured((name, "email"), MEASURED)
    return known


def look(named: dict[str, float], digest: str = "d1", chances: dict[str, float] | None = None) -> Look:
    return Look(digest, "named" if named else "undecided", chances or named, tuple(named))


def test_before_the_first_trace_there_is_nothing(tmp_path: Path) -> None:
    assert learned.read(tmp_path / "learned.json", KEYRING) == Learned()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    key = ("c-1", "email")
    after = learned.update(
        path, KEYRING, lambda known: known.with_measured(key, MEASURED).with_look(key, look({"00ff": 0.995}), AT)
    )
    assert learned.read(path, KEYRING) == after
    assert after.records[key].names["00ff"].error == pytest.approx(0.005)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["learned.json", "learned.lock"]


def _spoiled(raw: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "cut": raw[: len(raw) // 2],
        "changed": raw.replace(b"-1.25", b"-9.25"),
        "deep": b"[" * 100_000,
        "another object": b"{}",
        "no text": b"\xff\xfe",
        "another tag": raw.replace(b'"tag": "', b'"tag": "0'),
    }


@pytest.mark.parametrize("how", sorted(_spoiled(b"")))
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, how: str) -> None:
    path = tmp_path / "learned.json"
    learned.update(path, KEYRING, lambda _: with_campaigns("c-1"))
    spoiled = _spoiled(path.read_bytes())[how]
    path.write_bytes(spoiled)
    with pytest.raises(WorkspaceError, match=r"learned\.json") as error:
        learned.update(path, KEYRING, lambda known: known)
    assert "backup" in error.value.hint
    assert path.read_bytes() == spoiled


def test_another_key_reads_nothing(tmp_path: Path) -> None:
    learned.update(tmp_path / "learned.json", KEYRING, lambda _: with_campaigns("c-1"))
    with pytest.raises(WorkspaceError, match="this workspace's key"):
        learned.read(tmp_path / "learned.json", Keyring(b"x" * 32, "w1"))


def test_a_file_of_a_newer_version_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "learned.json"
    with monkeypatch.context() as patch:
        patch.setattr(learned, "FORMAT", 2)
        learned.update(path, KEYRING, lambda _: with_campaigns("c-1"))
    with pytest.raises(WorkspaceError, match="another version"):
        learned.read(path, KEYRING)


def test_a_folder_that_takes_no_writing_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        learned.update(tmp_path / "missing" / "learned.json", KEYRING, lambda known: known)


# --- kills and other processes ------------------------------------------------------------------------------


def _write_on(path: Path, first: int) -> None:
    number = first
    while True:
        add = partial(Learned.with_measured, key=(f"c-{number}", "email"), measured=MEASURED)
        learned.update(path, KEYRING, add)
        number += 1


def test_killed_at_any_moment_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    before = 0
    for moment in range(6):
        process = get_context("fork").Process(target=_write_on, args=(path, 1000 * moment))
        process.start()
        process.join(0.05 + 0.013 * moment)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        known = learned.read(path, KEYRING)
        assert len(known.records) >= before
        before = len(known.records)
    assert before > 0
    learned.update(path, KEYRING, lambda known: known)
    assert not path.with_suffix(".new").exists()


def _write_some(path: Path, first: int) -> None:
    for number in range(first, first + 20):
        add = partial(Learned.with_measured, key=(f"c-{number}", "email"), measured=MEASURED)
        learned.update(path, KEYRING, add)


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    processes = [get_context("fork").Process(target=_write_some, args=(path, first)) for first in (0, 100, 200)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(learned.read(path, KEYRING).records) == 60


# --- what it says -------------------------------------------------------------------------------------------


def test_a_campaign_never_teaches_itself_nor_another_field_nor_one_that_is_gone() -> None:
    known = with_campaigns("c-1", "c-2", "c-3").with_measured(("c-4", "phone"), MEASURED)
    known = known.with_measured(("c-5", "email"), replace(MEASURED, tells=False))
    current = {"c-1", "c-2", "c-4", "c-5"}
    assert len(known.others("c-1", "email", current)) == 1
    assert len(known.others("c-9", "email", current)) == 2


def test_a_look_counts_when_the_evidence_changed() -> None:
    key = ("c-1", "email")
    known = with_campaigns("c-1")
    for digest in ("d1", "d1", "d2", "d2", "d1"):
        known = known.with_look(key, look({}, digest), AT)
    assert known.records[key].look_count == 3


def test_a_name_taken_back_stays_in_the_budget() -> None:
    key = ("c-1", "email")
    known = with_campaigns("c-1").with_look(key, look({"aa": 0.995}), AT)
    assert known.spent() == pytest.approx(0.005)
    known = known.with_look(key, look({}, "d2", {"aa": 0.6}), AT)
    assert known.spent() == pytest.approx(0.4)
    known = known.with_look(key, look({}, "d3"), AT)
    assert known.spent() == pytest.approx(1.0)
    known = known.with_look(key, look({"aa": 0.9999}, "d4"), AT)
    assert known.spent() == pytest.approx(0.0001)
    assert known.persons() == {"aa"}


def test_a_spent_budget_takes_new_names_only() -> None:
    key = ("c-1", "email")
    known = with_campaigns("c-1", "c-2").with_look(key, look({"aa": 0.9}), AT)
    would_be = {"aa": 0.995, "bb": 0.995, "cc": 0.9995}
    assert known.withheld(would_be, 0.05, 0.99) == {"bb"}
    assert known.withheld(would_be, 0.5, 0.99) == frozenset()
    assert known.withheld({"aa": 0.85, "bb": 0.85}, 0.05, 0.8) == frozenset()


def test_the_file_has_keyed_numbers_and_no_names(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    key = ("c-1", "email")
    person = f"{int(KEYRING.principal_keys(['sara'])[0]):016x}"
    learned.update(path, KEYRING, lambda _: with_campaigns("c-1").with_look(key, look({person: 0.999}), AT))
    document = json.loads(path.read_bytes())
    assert "sara" not in path.read_text(encoding="utf-8")
    assert list(document["body"]["campaigns"][0]["names"]) == [person]
