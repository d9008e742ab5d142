"""How many messages of about 40 kB a second are stored, read and grouped, beside parsers that only parse.

Messages are made from a seed (`mailmade`): newsletters of tables, styles and links as shops send them, each forwarded
by one of four kinds of client. `mail-parser` and `mailsuite` get the same bytes in the same run.
"""

from __future__ import annotations

import email
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import leaktrace
from bench.machine import peak_megabytes
from bench.mailmade import MAILINGS, message
from leaktrace.keys import Keyring
from leaktrace.mailroom.store import RawStore

COUNT = 1000


def run(count: int = COUNT) -> str:
    """The table, over made messages."""
    return table([message(seed) for seed in range(count)], f"{MAILINGS} mailings")


def table(messages: Sequence[bytes], what: str) -> str:
    """The same over any messages; `what`: whose they are, in a few words."""
    count = len(messages)
    size = sum(map(len, messages)) / count
    with tempfile.TemporaryDirectory() as folder:
        full, reports, campaigns = _full(Path(folder), messages)
        stored = _stored(Path(folder) / "store", messages)
    only = _rate(messages, leaktrace.read_mail)
    standard = _rate(messages, email.message_from_bytes)
    rows = [
        ("stored, read, remembered and grouped", f"{full:,.0f} msg/s", ">= 150"),
        ("read only (`read_mail`)", f"{only:,.0f} msg/s", ""),
        ("stored only, encrypted and synced", f"{stored:,.0f} msg/s", ""),
        ("the standard library's `email`, which only parses", f"{standard:,.0f} msg/s", ""),
    ]
    import mailparser
    from mailsuite.utils import parse_email

    given_up: Counter[str] = Counter()

    def parsed(name: str, parse: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """What a parser gives up on counts as parsed, and is told."""

        def counted(raw: bytes) -> None:
            try:
                parse(raw)
            except Exception:  # noqa: BLE001 - they raise whatever they come upon
                given_up[name] += 1

        return counted

    parser = _rate(messages, parsed("mail-parser", mailparser.parse_from_bytes))
    rows += [
        ("mail-parser, which only parses", f"{parser:,.0f} msg/s", ""),
        ("full path over mail-parser", f"{full / parser:.2f}", ">= 0.8"),
    ]
    suite = _rate(messages[: max(50, count // 10)], parsed("mailsuite", parse_email))
    rows += [
        ("mailsuite, which only parses", f"{suite:,.0f} msg/s", ""),
        ("full path over mailsuite", f"{full / suite:.1f}", ">= 6"),
    ]
    told = (
        f"{count} messages of {size / 1000:.0f} kB on average ({what}), {reports} reports in {campaigns} campaigns; "
        f"one process, peak {peak_megabytes():,.0f} MB. Given up on: {dict(given_up) or 'none'}.\n\n"
    )
    return told + "\n".join(
        ["| what | measured | bar |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    )


def _full(folder: Path, messages: Sequence[bytes]) -> tuple[float, int, int]:
    mail = folder / "mail"
    mail.mkdir()
    for number, raw in enumerate(messages):
        (mail / f"{number:06}.eml").write_bytes(raw)
    os.sync()  # what is measured next would otherwise wait for the disk to take the mailbox itself
    with leaktrace.create(folder / "ws", environment={"LEAKTRACE_KEY_FILE": str(folder / "ws.key")}) as workspace:
        began = time.perf_counter()
        report = workspace.receive(mail)
        seconds = time.perf_counter() - began
        return len(messages) / seconds, report.report_count, len(workspace.campaigns())


def _stored(folder: Path, messages: Sequence[bytes]) -> float:
    """The floor of the full path: what keeping the bytes costs alone."""
    folder.mkdir()
    began = time.perf_counter()
    RawStore(folder / "raw", Keyring(bytes(32), "bench")).put_all(messages)
    return len(messages) / (time.perf_counter() - began)


def _rate(messages: Sequence[bytes], read: Callable[[bytes], object]) -> float:
    began = time.perf_counter()
    for raw in messages:
        read(raw)
    return len(messages) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(datetime.now(UTC).isoformat(), run(), sep="\n")
