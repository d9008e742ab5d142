"""A sender in a process of its own, to be killed: forked from a server that has everything imported.

The approvals are given anew in each process, as the case room would have kept them; the outbox decides whether one
is still needed.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from leaktrace.caserecords import TranslationApproved
from leaktrace.response.notices import Outbox, TemplateShelf
from tests.response.fakes_notices import CASE, row
from tests.response.noticedesks import Desk, make_desk

_STARTER = multiprocessing.get_context("forkserver")
_STARTER.set_forkserver_preload(["tests.response.crashing_notices"])


def desk_of(folder: Path, port: int, count: int, window: int = 20) -> Desk:
    """The desk of the crash tests: every template approved, no canaries, small windows, so that kills meet commits."""
    rows = tuple(row(f"c{number:05}", locale="de" if number % 2 else "fa") for number in range(count))
    desk = make_desk(folder, port, rows, sending={"canary": 0, "window": window})
    for language in ("de", "fa"):
        sha256 = TemplateShelf().get("gdpr", language).sha256
        desk.diary.record(CASE, TranslationApproved("A-0", "gdpr", language, sha256))
    return desk


def send(folder: Path, port: int, count: int, window: int) -> None:
    """Sends a planned batch until it is done or the process ends."""
    desk = desk_of(folder, port, count, window)
    request = desk.approvals.give("A-1", "send_notices", "1", desk.desk.parameters(CASE))
    with Outbox(folder / "response") as outbox:
        begun = outbox.batch(CASE).approval is not None
    if begun:
        desk.approvals.used.add(request)
    desk.desk.send(CASE, request)


def start(folder: Path, port: int, count: int, window: int = 20) -> ForkServerProcess:
    """A sender at work; end it by `kill`, which is SIGKILL."""
    process = _STARTER.Process(target=send, args=(folder, port, count, window))
    process.start()
    return process
