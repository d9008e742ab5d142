"""A disk that is full or read-only: a sentence, exit code 2, nothing half-written, and all is well afterwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.stories.desk import Answer, Desk
from tests.stories.disks import Disk, filled, mount
from tests.stories.unharmed import refused, unharmed

ROW = "2025-01-01T00:00:00Z,u{number},c{number},email;name;phone\n"


def _used_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _log(path: Path, count: int) -> Path:
    rows = "".join(ROW.format(number=number) for number in range(count))
    path.write_text("at,principal,customer,fields\n" + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("leave_bytes", [0, 16 * 4096, 200 * 4096])
def test_a_disk_that_fills_up_while_a_table_comes_in_keeps_what_it_had(
    filled_once: Desk, disk: Disk, tmp_path: Path, leave_bytes: int
) -> None:
    place = disk(24_000_000)
    desk = filled_once.copy_to(place / "ws")
    log = _log(tmp_path / "log.csv", 100_000)
    with unharmed(desk):
        ballast = filled(place, leave_bytes)
        refused(desk.run("ingest", "accesses", log, "--json"), str(desk.workspace))
        ballast.unlink()
    assert desk.json("ingest", "accesses", log)["accepted_count"] == 100_000


@pytest.mark.parametrize("leave_bytes", [0, 8 * 4096, 40 * 4096])
def test_a_disk_that_fills_up_while_mail_comes_in_keeps_what_it_had(
    filled_once: Desk, disk: Disk, tmp_path: Path, leave_bytes: int
) -> None:
    place = disk(16_000_000)
    desk = filled_once.copy_to(place / "ws")
    mailbox = tmp_path / "more.mbox"
    mails = [
        f"From c@d.example Thu Jan  2 03:04:05 2025\nFrom: c{number}@d.example\nSubject: {number}\n\n{'x' * 5000}\n\n"
        for number in range(100)
    ]
    mailbox.write_text("".join(mails), encoding="utf-8")
    campaigns = desk.json("campaigns")
    ballast = filled(place, leave_bytes)
    refused(desk.run("mail", mailbox, "--json"), str(desk.workspace))
    ballast.unlink()
    assert desk.json("campaigns") == campaigns
    report = desk.json("mail", mailbox)
    assert (report["message_count"], report["duplicate_count"]) == (100, 0)
    assert desk.json("mail", mailbox)["duplicate_count"] == 100


def test_on_a_full_disk_nothing_is_looked_up_that_cannot_be_logged(filled_once: Desk, disk: Disk) -> None:
    place = disk(16_000_000)
    desk = filled_once.copy_to(place / "ws")
    campaign = desk.main_campaign()
    ballast = filled(place, 0)
    answer = desk.run("trace", campaign, "--json")
    assert answer.error()["hint"]
    ballast.unlink()
    assert desk.json("lookups")["entries"] == []
    desk.json("trace", campaign)
    assert len(desk.json("lookups")["entries"]) == 1


def test_a_page_that_does_not_fit_is_not_there_at_all(filled_once: Desk, disk: Disk, tmp_path: Path) -> None:
    place = disk(100_000)
    desk = filled_once.copy_to(tmp_path / "ws")
    ballast = filled(place, 4096)
    refused(desk.run("trace", desk.main_campaign(), "--html", place / "page.html", "--json"), str(place))
    assert list(place.iterdir()) == [ballast]


def test_a_marketplace_that_does_not_fit_leaves_nothing(disk: Disk, tmp_path: Path) -> None:
    place = disk(200_000)
    desk = Desk(tmp_path / "ws", tmp_path / "config")
    refused(desk.run("simulate", place / "market", "--json"), str(place / "market"))
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("leave_bytes", [0, 4096, 2 * 4096, 4 * 4096, 6 * 4096, 40 * 4096])
def test_a_disk_too_full_for_a_new_workspace_leaves_none_or_a_whole_one(
    disk: Disk, tmp_path: Path, leave_bytes: int
) -> None:
    place = disk(4_000_000)
    ballast = filled(place, leave_bytes)
    desk = Desk(place / "ws", tmp_path / "config")
    refused(desk.run("init", "--json"), str(place))
    ballast.unlink()
    if not (desk.workspace / "leaktrace.json").exists():
        refused(desk.run("campaigns", "--json"), "is not a workspace")
        desk.json("init")
    assert desk.json("campaigns") == []
    assert desk.json("lookups")["entries"] == []


def test_a_read_only_disk_refuses_in_a_sentence(
    filled_once: Desk, disk: Disk, tmp_path: Path, tiny_market: Path
) -> None:
    place = disk(24_000_000)
    desk = filled_once.copy_to(place / "ws")
    campaign = desk.main_campaign()
    log = _log(tmp_path / "log.csv", 10)
    with unharmed(desk):
        assert mount("-o", "remount,ro", str(place)) is None
        try:
            for command in (
                ("ingest", "accesses", log),
                ("ingest", "evidence", log),
                ("mail", tiny_market / "abuse.mbox"),
                ("trace", campaign),
                ("ledger", "stats"),
                ("campaigns",),
                ("case", "list", "--as", "ina"),
            ):
                told = desk.run(*command, "--json").error()
                assert "ead-only" in told["message"] or "readonly" in told["message"], told
                assert str(desk.workspace) in told["message"]
                assert "copy the folder" in told["hint"]
            copy = desk.copy_to(tmp_path / "copy")
            assert copy.json("campaigns")[0]["campaign"] == campaign
            blank = Desk(place / "new", tmp_path / "config")
            refused(blank.run("init", "--json"), str(place / "new"), "Read-only")
        finally:
            assert mount("-o", "remount,rw", str(place)) is None


def test_a_folder_without_write_permission_refuses_in_a_sentence(desk: Desk, tmp_path: Path, tiny_market: Path) -> None:
    without_override: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # Root may write everywhere, unless that one right is taken away.
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv (util-linux) is not here, and root may write everywhere")
        without_override = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    commands = (("mail", tiny_market / "abuse.mbox"), ("ingest", "accesses", _log(tmp_path / "log.csv", 10)))
    folders = [desk.workspace, *(path for path in desk.workspace.rglob("*") if path.is_dir())]
    with unharmed(desk):
        for folder in folders:
            folder.chmod(0o500)
        try:
            for command in commands:
                ran = desk.program(*command, "--json", before=without_override)
                told = Answer(ran.returncode, ran.stdout, ran.stderr).error()
                assert str(desk.workspace) in told["message"]
                assert "ermission denied" in told["message"] or "readonly" in told["message"], told
        finally:
            for folder in folders:
                folder.chmod(0o700)
