"""Notices: a sender killed 200 times over 10,000 people; mails a second beside smtplib with a constant message.

`python -m bench.notices` writes docs/benchmarks/notices.md. The sink is a process of its own that writes each
recipient down before it says 250; its file is the judge of who was written to.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.response.crashing_notices import desk_of, start
from tests.response.fakes_notices import CASE
from tests.response.noticedesks import SAID, SECRET, Desk

from bench.machine import machine
from leaktrace.response.notices import Reconciled

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "notices.md"
WINDOW = 100


@dataclass(frozen=True, slots=True)
class Killed:
    """What many kills led to."""

    met_count: int
    """Kills that met a running sender."""
    between_count: int
    """Of those, before the first mail of that run."""
    most_a_person: int
    forgotten_count: int
    sums: Reconciled
    taken_and_unknown_count: int
    """Of the unknown, those that the sink had taken."""


class Counting:
    """What aiosmtpd does with a message: nothing."""

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - the name is aiosmtpd's
        return "250 2.0.0 taken"


def serve_aiosmtpd() -> None:
    """A sink that others wrote, on loopback, until stdin ends."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(Counting(), hostname="127.0.0.1", port=port)
    controller.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    controller.stop()


@contextlib.contextmanager
def sink(taken: Path | None) -> Iterator[int]:
    """The port of a sink in a process of its own: ours, which writes into `taken`, or that of aiosmtpd."""
    command = [sys.executable, "-m", "bench.notices", "--serve"]
    if taken is not None:
        taken.touch()
        command = [sys.executable, "-m", "tests.response.sink", str(taken)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait()


def killed(folder: Path, count: int, kills: int, seed: int) -> Killed:
    """Kills after a random time each; then lets one sender finish."""
    draw = random.Random(seed)
    taken = folder / "taken"
    met = between = 0
    with sink(taken) as port:
        desk = desk_of(folder, port, count, WINDOW)
        desk.desk.plan(CASE, SAID)
        size = len(f"{'c00000@mail.example'}\n")
        for number in range(kills):
            before = taken.stat().st_size
            # Spread over the whole list: a random number of mails, then a random moment inside the next millisecond.
            until = before + size * draw.randrange(0, max(1, 3 * count // (2 * kills)))
            process = start(folder, port, count, WINDOW)
            while taken.stat().st_size < until and process.is_alive():
                time.sleep(0.0002)
            time.sleep(draw.uniform(0.0, 0.002))
            process.kill()
            process.join()
            met += process.exitcode == -signal.SIGKILL
            between += taken.stat().st_size == before
            if number % 20 == 19:
                sys.stderr.write(f"{number + 1} kills, {taken.stat().st_size // size} mails\n")
        process = start(folder, port, count, WINDOW)
        process.join()
        assert process.exitcode == 0
    return _judged(desk, taken, count, met, between)


def _judged(desk: Desk, taken: Path, count: int, met: int, between: int) -> Killed:
    got = Counter(taken.read_text().split())
    sums = desk.desk.status(CASE).sums
    unknown = {one.person for one in desk.desk.left(CASE) if one.state == "unknown"}
    names = {f"c{number:05}": desk.cases.pseudonym(CASE, f"c{number:05}") for number in range(count)}
    without = [name for name, person in names.items() if f"{name}@mail.example" not in got and person not in unknown]
    arrived = sum(f"{name}@mail.example" in got for name, person in names.items() if person in unknown)
    return Killed(met, between, max(got.values()), len(without), sums, arrived)


def plain_rate(port: int, message: bytes, count: int) -> float:
    """Mails a second by smtplib over one connection, one constant message."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        began = time.perf_counter()
        for number in range(count):
            client.sendmail("privacy@basar.example", f"c{number:05}@mail.example", message)
        return count / (time.perf_counter() - began)


def our_rate(folder: Path, port: int, count: int, *, ed25519: bool = False) -> float:
    """Mails a second by the sender: planned before; looked up, rendered, signed, journalled, committed, handed over."""
    folder.mkdir()
    if ed25519:
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "dkim.pem").touch(mode=0o600)
        (folder / "dkim.pem").write_bytes(key)
    desk = desk_of(folder, port, count, WINDOW)
    report = desk.desk.plan(CASE, SAID)
    request = desk.approve_sending(report)
    began = time.perf_counter()
    desk.desk.send(CASE, request)
    rate = count / (time.perf_counter() - began)
    assert desk.desk.status(CASE).sums.accepted_count == count
    return rate


def speeds(folder: Path, count: int, rounds: int, *, foreign: bool) -> list[tuple[float, float, float]]:
    """(ours with RSA, ours with Ed25519, plain) in turns, so that all meet the same machine."""
    found = []
    folder.mkdir()
    for number in range(rounds):
        with sink(None if foreign else folder / f"taken-{number}") as port:
            message = _message(folder / f"model-{number}", port)
            plain = plain_rate(port, message, count)
            rsa = our_rate(folder / f"rsa-{number}", port, count)
            found.append((rsa, our_rate(folder / f"ed-{number}", port, count, ed25519=True), plain))
        sys.stderr.write("RSA {:.0f}, Ed25519 {:.0f}, plain {:.0f} a second\n".format(*found[-1]))
    return found


def _message(folder: Path, port: int) -> bytes:
    """One of our mails, as the constant message."""
    from datetime import UTC, datetime

    from leaktrace.noticedesk.planning import shelf_of
    from leaktrace.noticedesk.sending import letterhead
    from leaktrace.response.notices import MailForm, NoticeTokens, filled

    config = desk_of(folder, port, 1, WINDOW).config
    report_facts = config.facts()
    from dataclasses import replace

    facts = replace(report_facts, noticed_on=SAID.noticed_on, measures=SAID.measures)
    facts = replace(facts, occurred_from=SAID.noticed_on, occurred_to=SAID.noticed_on)
    variant = ("gdpr", "de", ("email",))
    text = filled(shelf_of(config), facts, [variant])[variant]
    form = MailForm(text, letterhead(config, NoticeTokens(SECRET)))
    return form.message("a" * 16, "c00000@mail.example", datetime.now(UTC))


def page(
    kill: Killed, kills: int, count: int, found: dict[str, list[tuple[float, float, float]]], speed_count: int
) -> str:
    """The page, in Markdown."""
    sums = kill.sums
    rows = "\n".join(_row(name, rates) for name, rates in found.items())
    rounds = len(next(iter(found.values())))
    return f"""# Notices: kills, and mails a second

Made by `python -m bench.notices`; do not edit by hand. Machine: {machine()}. Other work on the machine at the end: load
{os.getloadavg()[0]:.1f}.

## A sender killed {kills} times over {count:,} people

Each kill is SIGKILL after a random number of mails and a random moment inside the next two milliseconds; the outbox
commits windows of {WINDOW}. The judge is a sink that writes every recipient down before it says 250.

| what | result |
|---|---|
| kills that met a running sender | {kill.met_count} of {kills}; {kill.between_count} before its first mail |
| most mails one person got | {kill.most_a_person} |
| people with no mail who are not told as unknown | {kill.forgotten_count} |
| frozen = accepted + refused + unknown + suppressed + waiting | {sums.frozen_count:,} = \
{sums.accepted_count:,} + {sums.refused_count} + {sums.unknown_count} + {sums.suppressed_count} + \
{sums.waiting_count} |
| unknown, at most one a kill | {sums.unknown_count}; the sink had taken {kill.taken_and_unknown_count} of them |

## Mails a second, one process

{speed_count:,} mails each, in turns, {rounds} rounds, medians; the ratio is the median over the rounds. smtplib sends
one constant message of the same size over one connection (`sendmail`); leaktrace looks up the address, renders, signs,
journals, commits and hands over. The sink is a process of its own on the same cores: aiosmtpd, and one of a few lines
that costs nearly nothing and offers PIPELINING. An RSA-2048 signature takes 0.2 ms of a core, whoever makes it.

| sink | smtplib, mails/s | leaktrace, RSA-2048 | ratio | leaktrace, Ed25519 | ratio |
|---|---|---|---|---|---|
{rows}
"""


def _row(name: str, rates: list[tuple[float, float, float]]) -> str:
    rsa, ed25519, plain = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio, ratio_ed25519 = (statistics.median(one[which] / one[2] for one in rates) for which in (0, 1))
    return f"| {name} | {plain:,.0f} | {rsa:,.0f} | {ratio:.2f} | {ed25519:,.0f} | {ratio_ed25519:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed-count", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be the sink of aiosmtpd")
    asked = parser.parse_args()
    if asked.serve:
        serve_aiosmtpd()
        return
    with tempfile.TemporaryDirectory(prefix="leaktrace-bench-") as name:
        folder = Path(name)
        found = {
            "aiosmtpd": speeds(folder / "foreign", asked.speed_count, asked.rounds, foreign=True),
            "a few lines": speeds(folder / "own", asked.speed_count, asked.rounds, foreign=False),
        }
        if not asked.kills:
            return
        (folder / "kills").mkdir()
        kill = killed(folder / "kills", asked.count, asked.kills, asked.seed)
    PAGE.write_text(page(kill, asked.kills, asked.count, found, asked.speed_count), encoding="utf-8")


if __name__ == "__main__":
    main()
