"""What the mailroom makes of public mail and of real bodies inside forwards: right, no address, wrong.

python -m bench.mailforms            prints the figures and writes docs/benchmarks/mail-forms.md

Bodies are those of the public corpora (`LEAKTRACE_CORPORA`). Those of the forwards served to write the label tables and
stand for authors who forward things themselves; the others did not. Every second body begins with a planted forward.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from bench.mailwraps import STYLES, UNKNOWN, Outer, Words, Wrapped, vocabularies, wrap, written_dates
from leaktrace.mailroom.mime import CeilingReached, TextBudget, read_message, walk
from leaktrace.mailroom.read import read_mail
from leaktrace.mailroom.texts import body_texts
from leaktrace.records import MessageRecord
from leaktrace.settings import Settings
from leaktrace.version import __version__

CORPORA = Path(os.environ.get("LEAKTRACE_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "mail-forms.md"
SENT_AT = datetime(2024, 3, 5, 14, 7, tzinfo=UTC)
PLANTED = (
    "---------- Forwarded message ---------\nFrom: Rival Shop <boss@rival.example>\nDate: Sun, Mar 3, 2024 at 8:00 AM\n"
    "Subject: deal\nTo: <cleo@mail.example>\n\n",
    "From: Rival Shop <boss@rival.example>\nSent: Sunday, March 3, 2024 8:00 AM\nTo: Cleo <cleo@mail.example>\n"
    "Subject: deal\n\n",
    "Begin forwarded message:\n\n> From: Rival Shop <boss@rival.example>\n> Subject: deal\n> Date: 3 March 2024\n\n",
    "On Sun, Mar 3, 2024 at 8:00 AM Rival Shop <boss@rival.example> wrote:\n\n",
    "From: Rival Shop <boss@rival.example>\nReply-To: boss@rival.example\nSender: boss@rival.example\n",
)


NAMES = (
    "Nora Vale", '"Vale, Nora"', "Vale, Nora", "PayPal <service@paypal.com>", "service@paypal.com", "", "Amazon.com",
    "An: Chef", "From: Boss", "O'Brien", "[EXT] Nora", "Nora | Shop", "卖家", "نورا", "A, B; C", "x on behalf of y",
    "Info, service@paypal.com", "Nora; boss@rival.example", "Nora [mailto:boss@rival.example]", "Nora wrote:",
    "---- Forwarded message ----", "To: victim@bank.example", "a@b@c",
)  # fmt: skip
"""What senders call themselves, those among them who would rather be taken for somebody else."""


@dataclass(frozen=True)
class Body:
    """A real body."""

    text: str
    is_html: bool


@dataclass
class Tally:
    """What became of wrapped bodies."""

    right: int = 0
    no_address: int = 0
    not_found: int = 0
    wrong: int = 0
    recipient_wrong: int = 0
    subject_wrong: int = 0
    date_wrong: int = 0
    date_open: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.right + self.no_address + self.not_found + self.wrong

    def add(self, wrapped: Wrapped, record: MessageRecord) -> str:
        """Counts one; returns what it was."""
        if not record.originals:
            self.not_found += 1
            return "not found"
        found = record.originals[0]
        self.recipient_wrong += wrapped.to not in {one.address for one in found.recipients}
        self.subject_wrong += found.subject != wrapped.subject
        window = found.sent_between
        if window.start is None or window.end is None:
            self.date_open += 1
        else:
            self.date_wrong += not window.start <= wrapped.sent_at < window.end
        if found.sender.address is None:
            self.no_address += 1
            return "no address"
        if found.sender.address == wrapped.sender:
            self.right += 1
            return "right"
        self.wrong += 1
        return "wrong"


def forwards_corpus(corpora: Path = CORPORA) -> dict[str, int]:
    """The public forwards: how many there are, and of how many each field is right; `false`: others taken for one."""
    expected: dict[str, Any] = json.loads((corpora / "forwards" / "expected.json").read_text(encoding="utf-8"))
    counts: Counter[str] = Counter(false=0)
    for name, one in expected.items():
        subject = (one["subject_line"] or "hello").strip()
        head = (
            f"From: Cleo <cleo@mail.example>\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        )
        record = read_mail(head.encode() + (corpora / "forwards" / name).read_bytes())
        if not one["forwarded"]:
            counts["false"] += record.kind == "report"
            continue
        counts["count"] += 1
        if not record.originals:
            continue
        found = record.originals[0]
        counts["sender"] += found.sender.address == one["from"]["address"]
        counts["wrong_sender"] += found.sender.address not in (None, one["from"]["address"])
        counts["recipients"] += [(r.address, r.name) for r in found.recipients] == [
            (r["address"], r["name"]) for r in (*one["to"], *one["cc"])
        ]
        counts["subject"] += found.subject == one["subject"]
        counts["date"] += (found.sent_between.start is not None) == (one["date"] is not None)
    return dict(counts)


def bounces_corpus(corpora: Path = CORPORA) -> dict[str, int]:
    """The public bounces: bounces taken for a report, reports missed, RFC 3464 status wrong where a file has one."""
    counts: Counter[str] = Counter(taken_for_report=0, report_missed=0, status_wrong=0)
    for file in sorted((corpora / "bounces").rglob("*.eml")):
        raw = file.read_bytes()
        record = read_mail(raw)
        is_report = file.name.startswith("arf-") or file.name == "is-not-bounce-02.eml"
        counts["count"] += 1
        counts["taken_for_report"] += record.kind == "report" and not is_report
        counts["report_missed"] += record.kind != "report" and is_report
        statuses = statuses_in(raw)
        if statuses:
            counts["with_status"] += 1
            counts["status_wrong"] += (record.status or "") not in statuses
    return dict(counts)


def statuses_in(raw: bytes) -> set[str]:
    """The status codes of a message's delivery-status part, those of failed recipients where there are such."""
    part = re.search(rb"(?ims)^content-type:\s*message/(?:global-)?delivery-status(.*)", raw)
    groups = re.split(rb"\r?\n[ \t]*\r?\n", part.group(1)) if part else []
    found: list[tuple[bool, str]] = []
    for group in groups:
        status = re.search(rb"(?im)^status[ \t]*:[ \t]*(\d\.\d+\.\d+)", group)
        if status:
            failed = re.search(rb"(?im)^action[ \t]*:[ \t]*failed", group) is not None
            found.append((failed, status.group(1).decode()))
    return {code for failed, code in found if failed} or {code for _, code in found}


def bodies(corpora: Path = CORPORA, extra: tuple[Path, ...] = ()) -> list[Body]:
    """Real bodies, text and HTML, of the corpora's messages and of files given (`.eml` in folders)."""
    found: dict[str, Body] = {}
    folders = [corpora / "bounces", corpora / "torture", *extra]
    for file in sorted(one for folder in folders for one in folder.rglob("*") if one.is_file()):
        for body in _bodies_of(file.read_bytes()):
            if body.text.strip():
                found.setdefault(body.text[:20_000], body)
    for file in sorted((corpora / "forwards").glob("*.txt")):
        found.setdefault(file.name, Body(file.read_text(encoding="utf-8"), is_html=False))
    return list(found.values())


def _bodies_of(raw: bytes) -> Iterator[Body]:
    try:
        message = read_message(raw, Settings())
        for part in walk(message, into_messages=True):
            if part.content_type in ("text/plain", "text/html") and not part.children:
                (text,) = body_texts(part, TextBudget(10_000_000)) or (None,)
                if text is not None:
                    content = text.source.content.decode(text.codec, "replace")
                    yield Body(content[:40_000], text.kind == "html")
    except CeilingReached:
        return


def wrapped_english(found: list[Body], *, each: int = 1, seed: int = 1) -> dict[str, Tally]:
    """Every body in every style, in English, every second one with a planted forward at its top; by style."""
    rng = np.random.default_rng(seed)
    english = [words for words in vocabularies() if words.language == "en"]
    tallies = {style: Tally() for style in STYLES}
    for number, body in enumerate(found[::each]):
        for style, tally in tallies.items():
            words = english[int(rng.integers(len(english)))]
            _count(tally, style, words, body, number, rng)
    return tallies


def wrapped_languages(found: list[Body], *, per_words: int = 6, seed: int = 2) -> dict[str, Tally]:
    """Some bodies in every style in the words of every source of every language; by language."""
    rng = np.random.default_rng(seed)
    tallies: dict[str, Tally] = {}
    for words in vocabularies():
        tally = tallies.setdefault(words.language, Tally())
        for style in STYLES:
            for number in rng.integers(len(found), size=per_words).tolist():
                _count(tally, style, words, found[number], number, rng)
    return tallies


def _count(tally: Tally, style: str, words: Words, body: Body, number: int, rng: np.random.Generator) -> None:
    dates = written_dates(words.language, SENT_AT)
    outer = Outer(
        NAMES[int(rng.integers(len(NAMES)))], f"nora{number}@vale-shop.example", f"cleo{number}@mail.example",
        f"Half price {number}", SENT_AT, dates[int(rng.integers(len(dates)))],
    )  # fmt: skip
    planted = PLANTED[int(rng.integers(len(PLANTED)))] if number % 2 else ""
    text = body.text
    if planted:
        text = planted.replace("\n", "<br>") + text if body.is_html else planted + text
    wrapped = wrap(style, words, outer, text, body.is_html)
    outcome = tally.add(wrapped, read_mail(wrapped.raw))
    if outcome != "right" and "-v" in sys.argv:
        print(outcome, style, words.language, words.source, outer.date, number)


def page(english: dict[str, Tally], languages: dict[str, Tally], body_count: int) -> str:
    """The page of figures."""
    forwards, bounces = forwards_corpus(), bounces_corpus()
    count = forwards["count"]
    forwards_count = len(list((CORPORA / "forwards").glob("*.txt")))
    return f"""# Forms of complaints, measured

Made by `python -m bench.mailforms`; do not edit by hand. Version {__version__}. Machine: {machine()}.

Public forwards (`corpora/forwards`, {count} of them, as twelve mail programs write them in 22 languages): sender right
in {forwards["sender"]}, wrong in {forwards["wrong_sender"]}; recipients right in {forwards["recipients"]}, subject in
{forwards["subject"]}, date in {forwards["date"]}. Taken for a forward though they are none: {forwards["false"]}.

Public bounces (`corpora/bounces`, {bounces["count"]}): {bounces["taken_for_report"]} taken for a report,
{bounces["report_missed"]} reports missed; status wrong in {bounces["status_wrong"]} of {bounces["with_status"]} that
have one.

## Real bodies inside forwards

{body_count} bodies of public mail (bounces, RFC examples and malformed messages, forwards), text and HTML, each in the
layouts of six programs as text and as HTML; every second one begins with a forward that its author planted, and
senders call themselves {len(NAMES)} things, other people's addresses among them. A wrong sender is an address that is
not the one of the outermost forward. The {forwards_count} bodies that are forwards themselves also served to write the
tables, the others did not.

{_table("Layout", english)}

The same in every language of the tables, in the words of every source that has all header lines (a layout with words of
another program is met when programs are translated alike), dates as CLDR writes them for that language. `unknown` is a
language without a table (Georgian): there the layout alone tells.

{_table("Language", languages)}
"""


def _table(head: str, tallies: dict[str, Tally]) -> str:
    rows = [
        f"| {head} | mails | sender right | no address | no forward found | **wrong** | recipient wrong |"
        " subject wrong | date unread | **date wrong** |",
        "|" + "---|" * 10,
    ]
    rows += [
        f"| {name} | {t.count} | {t.right} | {t.no_address} | {t.not_found} | {t.wrong} | {t.recipient_wrong} | "
        f"{t.subject_wrong} | {t.date_open} | {t.date_wrong} |"
        for name, t in tallies.items()
    ]
    return "\n".join(rows)


def main() -> None:
    found = bodies()
    english = wrapped_english(found)
    languages = wrapped_languages(found)
    languages[UNKNOWN] = languages.pop(UNKNOWN)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(english, languages, len(found)), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
