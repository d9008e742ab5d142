"""A bundle is in its place whole, verified and alone, or not at all."""

from __future__ import annotations

import os
import signal
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import ActionRequested, digest_of
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.response.bundle import (
    BundledExhibit,
    BundleInput,
    bundle_files,
    hand_over,
    use_hand_over,
    write_bundle,
)
from leaktrace.response.bundle.verifier import verify
from tests.response.fake_case import FakeApprovals
from tests.response.made_cases import CASE, FINGERPRINT, LOG_KEY, RECIPIENT, made_input, sign_as


def test_it_is_written_and_verifies(tmp_path: Path) -> None:
    written = write_bundle(made_input(), sign_as(LOG_KEY), tmp_path / "deep" / "bundle")
    assert written.fingerprint == FINGERPRINT
    assert (written.exhibit_count, written.withheld_count) == (6, 1)
    verify.verify(Path(written.folder), FINGERPRINT)
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["bundle"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_bundle(made_input(), sign_as(LOG_KEY), tmp_path / "bundle")
    for path in [tmp_path / "bundle", *(tmp_path / "bundle").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_same_case_gives_the_same_bytes() -> None:
    assert bundle_files(made_input(), sign_as(LOG_KEY)) == bundle_files(made_input(), sign_as(LOG_KEY))


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    write_bundle(made_input(), sign_as(LOG_KEY), tmp_path / "bundle")


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_there_is_left_alone(what: str, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    if what == "file":
        target.write_text("mine")
    elif what == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ResponseError, match="there already"):
        write_bundle(made_input(), sign_as(LOG_KEY), target)
    assert sorted(tmp_path.rglob("*")) == before


def other_bytes(given: BundleInput) -> BundleInput:
    return replace(given, exhibits=(replace(given.exhibits[0], content=b"forged"), *given.exhibits[1:]))


def fewer_leaves(given: BundleInput) -> BundleInput:
    return replace(given, leaves=given.leaves[:-1])


def no_proof(given: BundleInput) -> BundleInput:
    return replace(given, exhibits=(replace(given.exhibits[0], proof=()), *given.exhibits[1:]))


def other_finding(given: BundleInput) -> BundleInput:
    return replace(given, finding=b"{}")


@pytest.mark.parametrize("change", [other_bytes, fewer_leaves, no_proof, other_finding])
def test_what_does_not_verify_is_not_written(change: object, tmp_path: Path) -> None:
    assert callable(change)
    with pytest.raises(ResponseError, match="does not verify"):
        write_bundle(change(made_input()), sign_as(LOG_KEY), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_not_the_logs_is_found_before_anything_leaves(tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match="does not verify"):
        write_bundle(made_input(), sign_as("a stranger"), tmp_path / "bundle")


def test_an_exhibit_added_since_the_request_stops_it(tmp_path: Path) -> None:
    given = made_input()
    extra = replace(given.exhibits[0], stored=replace(given.exhibits[0].stored, exhibit="E-0099"))
    with pytest.raises(ResponseError, match="A-0002 is not about handing exactly these"):
        write_bundle(replace(given, exhibits=(*given.exhibits, extra)), sign_as(LOG_KEY), tmp_path / "bundle")


def test_another_recipient_stops_it(tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match="exactly these exhibits"):
        write_bundle(replace(made_input(), recipient="a newspaper"), sign_as(LOG_KEY), tmp_path / "bundle")


def test_withholding_needs_a_reason() -> None:
    given = made_input()
    silent = tuple(replace(one, withheld_because="") for one in given.exhibits)
    with pytest.raises(ResponseError, match="E-0006"):
        bundle_files(replace(given, exhibits=silent), sign_as(LOG_KEY))


def test_names_from_outside_do_not_become_names_of_files() -> None:
    given = made_input()
    first = given.exhibits[0]
    bad = replace(first, stored=replace(first.stored, media_type="../../etc/passwd", title="../x"))
    names = bundle_files(replace(given, exhibits=(bad, *given.exhibits[1:])), sign_as(LOG_KEY))
    assert "data/exhibits/E-0001.bin" in names
    escaping = replace(first, stored=replace(first.stored, exhibit="../../E-0001"))
    parameters = hand_over(CASE, RECIPIENT, (escaping,))
    event = next(one for one in given.events if getattr(one.event, "request", "") == "A-0002")
    assert isinstance(event.event, ActionRequested)
    asked = replace(event, event=replace(event.event, parameters_sha256=digest_of(parameters)))
    with pytest.raises(ResponseError, match="no file of the name"):
        bundle_files(replace(given, exhibits=(escaping,), events=(asked,)), sign_as(LOG_KEY))


def test_the_approval_is_over_exactly_this() -> None:
    given = made_input()
    approvals = FakeApprovals({"A-0002": digest_of(hand_over(CASE, RECIPIENT, given.exhibits))})
    fewer: tuple[BundledExhibit, ...] = given.exhibits[1:]
    with pytest.raises(ApprovalError):
        use_hand_over(approvals, CASE, "A-0002", RECIPIENT, fewer)
    use_hand_over(approvals, CASE, "A-0002", RECIPIENT, given.exhibits)
    with pytest.raises(ApprovalError):
        use_hand_over(approvals, CASE, "A-0002", RECIPIENT, given.exhibits)


@pytest.mark.parametrize("kill_at", [1, 7, 30, 45, 50, 55])
def test_a_kill_leaves_all_or_nothing(kill_at: int, tmp_path: Path) -> None:
    """A process that dies at the n-th time it syncs a file or a folder to disk."""
    target = tmp_path / "bundle"
    given = made_input()
    child = os.fork()
    if child == 0:  # pragma: no cover - dies
        _die_at_sync(kill_at)
        write_bundle(given, sign_as(LOG_KEY), target)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
    if target.exists():
        verify.verify(target, FINGERPRINT)
    else:
        assert os.WIFSIGNALED(status)
        write_bundle(given, sign_as(LOG_KEY), target)  # and the next one is not hindered


def _die_at_sync(count: int) -> None:  # pragma: no cover - in the child
    sync, done = os.fsync, [0]

    def counted(descriptor: Any) -> None:
        done[0] += 1
        if done[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.__dict__["fsync"] = counted


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    blocked = tmp_path / "closed" / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ResponseError, match="could not be written"):
        write_bundle(made_input(), sign_as(LOG_KEY), blocked / "bundle")
