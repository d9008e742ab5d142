"""A run that ends in the middle, wherever it can, is gone on from; a real kill too, against scim2-server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import ActionUsed, CaseEvent, RecordedEvent
from tests.response.containing import CASE, SUBJECT, Clock, Desk, okta_toml, scim_toml
from tests.response.fake_systems import OktaServer, ScimServer, served
from tests.response.fakes_response import Diary

ROOT = Path(__file__).parents[2]
JUDGES = Path(os.environ.get("LEAKTRACE_JUDGES", ROOT / ".venv-judges" / "bin"))


class PowerCutError(BaseException):
    """Ends a run as a kill does: nothing of ours catches it."""


class FailingDiary(Diary):
    """A diary after whose n-th entry, or before it, the process is gone."""

    left = 10**6
    after = True

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise PowerCutError
        done = super().record(case, event)
        if self.left == 0:
            raise PowerCutError
        return done


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("entry", range(1, 9))
def test_a_run_that_was_cut_off_is_gone_on_from(entry: int, after: bool, tmp_path: Path) -> None:
    server, okta = ScimServer(), OktaServer()
    number = server.add("a.meyer")
    okta.add("agent-7@example.com")
    with served(server) as url, served(okta) as okta_url:
        diary = FailingDiary(Clock().now)
        desk = Desk(tmp_path, scim_toml(url) + okta_toml(okta_url), diary)
        request = desk.agree()
        diary.left, diary.after = entry, after
        with pytest.raises(PowerCutError):
            desk.run(request=request)
        diary.left = 10**6
        outcome = desk.run(request=request)
        assert outcome.state == "contained", outcome
        assert server.users[number]["active"] is False
        assert okta.users["00u1"]["status"] == "SUSPENDED"
        assert okta.sessions["00u1"] == 0
        assert sum(isinstance(event, ActionUsed) for event in diary.events(CASE)) == 1
        # The state before is the one before the first run, so the undo goes all the way back.
        assert desk.run(undo=True).state == "undone"
    assert server.users[number]["active"] is True
    assert okta.users["00u1"]["status"] == "ACTIVE"


# --- scim2-server, by others ------------------------------------------------------------------------------


def call(url: str, method: str = "GET", document: Any = None) -> Any:
    body = json.dumps(document).encode() if document is not None else None
    headers = {"Authorization": "Bearer s3cret-token", "Content-Type": "application/scim+json"}
    asked = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - of this machine
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def scim2() -> Iterator[str]:
    program = JUDGES / "scim2-server"
    if not program.exists():
        if os.environ.get("CI"):
            pytest.fail("scim2-server is not in the judges' environment")
        pytest.skip("scim2-server is not in the judges' environment (LEAKTRACE_JUDGES)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "--port", str(port), "--bearer-token", "s3cret-token"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/v2"
    try:
        for _ in range(300):
            try:
                call(f"{url}/Users")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def user(scim2: str, name: str) -> str:
    schema = "urn:ietf:params:scim:schemas:core:2.0:User"
    made = call(f"{scim2}/Users", "POST", {"schemas": [schema], "userName": name, "active": True})
    return str(made["id"])


def test_scim2_server_is_contained_and_undone(scim2: str, tmp_path: Path) -> None:
    number = user(scim2, "b.real")
    desk = Desk(tmp_path, scim_toml(scim2).replace("a.meyer", "b.real"))
    assert desk.run().state == "contained"
    assert call(f"{scim2}/Users/{number}")["active"] is False
    assert desk.run(undo=True).state == "undone"
    assert call(f"{scim2}/Users/{number}")["active"] is True


@pytest.mark.parametrize("form", ["rfc", "pathless", "put"])
def test_scim2_server_takes_each_form(form: str, scim2: str, tmp_path: Path) -> None:
    number = user(scim2, f"c.{form}")
    desk = Desk(tmp_path, scim_toml(scim2, f'forms = ["{form}"]').replace("a.meyer", f"c.{form}"))
    assert desk.run().state == "contained"
    assert call(f"{scim2}/Users/{number}")["active"] is False


def test_a_name_with_quotes_and_operators_finds_only_itself(scim2: str, tmp_path: Path) -> None:
    bystander = user(scim2, "d.bystander")
    desk = Desk(tmp_path, scim_toml(scim2).replace('"a.meyer"', "'x\" or userName eq \"d.bystander'"))
    assert desk.containment().plan(SUBJECT, "principal").refusals
    assert call(f"{scim2}/Users/{bystander}")["active"] is True


def test_killed_in_the_middle_a_later_run_reads_back_and_ends_it(scim2: str, tmp_path: Path) -> None:
    for count, moment in enumerate((0.0, 0.03, 0.08)):
        folder = tmp_path / str(count)
        folder.mkdir()
        number = user(scim2, f"e.{count}")
        diary = folder / "diary.ndjson"
        desk = Desk(folder, scim_toml(scim2).replace("a.meyer", f"e.{count}"), Diary(Clock().now, diary))
        request = desk.agree()
        killed = subprocess.Popen(
            [sys.executable, "-m", "tests.response.crashing_contain", str(folder), request],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert killed.stdout is not None
        killed.stdout.readline()  # it has begun
        time.sleep(moment)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        killed.stdout.close()
        again = Desk(folder, "", Diary(desk.diary.now, diary), desk.clock)
        if again.states() != ["contained"]:
            assert again.run(request=request).state == "contained"
        assert call(f"{scim2}/Users/{number}")["active"] is False
        assert sum(isinstance(event, ActionUsed) for event in again.diary.events(CASE)) == 1
        assert again.states() == ["contained"]
