"""What a mail costs that joins a book of very many reports.

The book is filled straight through SQL, as grouping would have left it: that many reports cannot be grouped one by one
in a benchmark's time. Seven campaigns in ten have one report, the others 5 to 5,000 (Zipf); each
report has a sender, a name, a link, a subject and three sketches. Then mails come one at a time: half of them belong to
a campaign that is there, half to none; each is added, grouped and committed to disk by itself.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from leaktrace.keys import Keyring
from leaktrace.mailroom import MailBook, group_pending
from leaktrace.mailroom.booktimes import micros_of
from leaktrace.mailroom.features import Features
from leaktrace.mailroom.groupbook import token_key
from leaktrace.mailroom.shelves import Span, purpose_of, rank, tokens_of
from leaktrace.records import Authentication, Mailbox, MessageRecord, Original, Recipient, Window

KEYRING = Keyring(bytes(range(32)), "bench")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Joining:
    """Milliseconds of one mail."""

    report_count: int
    cluster_count: int
    book_megabytes: float
    group_median_ms: float
    """Finding its campaign and committing that."""
    group_p95_ms: float
    group_cpu_ms: float
    """Processor time of that, median: what a busy machine does not change."""
    add_median_ms: float
    """Adding the message and committing that."""
    joined_share: float
    """Of the mails that belong to a campaign, how many joined it."""


@dataclass(frozen=True)
class _Template:
    number: int
    at: datetime
    sketches: tuple[tuple[int, ...], ...]

    def features(self) -> Features:
        host = f"s{self.number}.example"
        text, words, look = self.sketches
        subject, name = (KEYRING.feature_hash(f"{kind} {self.number}") for kind in ("subject", "name"))
        return Features(
            sender=frozenset({host}), name=name, links=frozenset({host}), subject=subject, lead=host,
            sketch=text, words=words, look=look,
        )  # fmt: skip


def joining(report_count: int, mails: int = 100, seed: int = 1) -> Joining:
    """Fills a book with so many reports and lets mails join."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        MailBook.open(folder, KEYRING).close()
        templates = _fill(folder / "mail.db", report_count, seed, token_key(KEYRING))
        return _measured(folder, report_count, templates, mails, seed)


def _fill(path: Path, report_count: int, seed: int, key: bytes) -> list[_Template]:
    rng = np.random.default_rng(seed)
    templates: list[_Template] = []
    connection = sqlite3.connect(path)
    # Without a log: what is filled need survive nothing. The book turns it on again when it is opened.
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    tokens: list[tuple[int, int]] = []
    number = 0
    while number < report_count:
        alone = rng.random() < 0.7
        size = 1 if alone else int(min(5000, 4 + rng.zipf(1.9), report_count - number))
        template = _template(rng, len(templates) + 1)
        templates.append(template)
        features = template.features()
        document = json.dumps(features.document(), separators=(",", ":"))
        tokens += [(token, template.number) for token in tokens_of(features, key)]
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?, 'report', '2026-01-01T00:00:00+00:00', NULL, x'00')",
            ((number + at + 1, f"{rank(str(number + at)):064x}") for at in range(size)),
        )
        connection.executemany(
            "INSERT INTO reports (id, message, idx, form, grade, features, rank, mail_at, person, cluster) "
            "VALUES (?, ?, 0, 'attachment', 'G2', ?, ?, ?, ?, ?)",
            _reports(number, size, document, template),
        )
        span = Span(template.number, purpose_of(features), template.at, template.at + timedelta(hours=size), size)
        _cluster(connection, span)
        number += size
    connection.executemany("INSERT OR IGNORE INTO tokens VALUES (?, ?)", sorted(tokens))
    connection.commit()
    connection.close()
    return templates


def _template(rng: np.random.Generator, number: int) -> _Template:
    sketches = tuple(tuple(int(one) for one in rng.integers(0, 2**32, 64)) for _ in range(3))
    return _Template(number, BEGIN + timedelta(minutes=float(rng.uniform(0, 60 * 24 * 50))), sketches)


def _reports(number: int, size: int, document: str, template: _Template) -> Iterator[tuple[object, ...]]:
    for at in range(size):
        mail_at = micros_of(template.at + timedelta(hours=at))
        place = number + at + 1
        yield place, place, document, rank(f"{place}/0"), mail_at, place.to_bytes(16, "big"), template.number


def _cluster(connection: sqlite3.Connection, span: Span) -> None:
    first, last = micros_of(span.first_at), micros_of(span.last_at)
    connection.execute("INSERT INTO campaigns (id, name) VALUES (?, ?)", (span.cluster, f"c-{span.cluster:08x}"))
    connection.execute(
        "INSERT INTO clusters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (span.cluster, span.cluster, span.size, first, last, span.size, span.purpose, first, last),
    )
    connection.execute("INSERT INTO purposes VALUES (?, ?, ?)", (span.cluster, span.purpose, span.size))


def _measured(folder: Path, report_count: int, templates: list[_Template], mails: int, seed: int) -> Joining:
    rng = np.random.default_rng(seed + 1)
    grouping, busy, adding, joined, known = list[float](), list[float](), list[float](), 0, 0
    with MailBook.open(folder, KEYRING) as book:
        for number in range(mails):
            old = templates[int(rng.integers(len(templates)))] if number % 2 else None
            record = _message(number, old or _template(rng, 10**9 + number))
            started = time.perf_counter()
            book.add([record], seen_at=SEEN_AT)
            added, cpu = time.perf_counter(), time.process_time()
            group_pending(book.groups)
            done = time.perf_counter()
            busy.append(time.process_time() - cpu)
            adding.append(added - started)
            grouping.append(done - added)
            if old is not None:
                (report,) = book.reports(only=[f"{record.sha256}/0"])
                known += 1
                joined += report.campaign == f"c-{old.number:08x}"
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    return Joining(
        report_count=report_count,
        cluster_count=len(templates),
        book_megabytes=round(size, 1),
        group_median_ms=round(1000 * statistics.median(grouping), 2),
        group_p95_ms=round(1000 * statistics.quantiles(grouping, n=20)[-1], 2),
        group_cpu_ms=round(1000 * statistics.median(busy), 2),
        add_median_ms=round(1000 * statistics.median(adding), 2),
        joined_share=round(joined / max(1, known), 4),
    )


def _message(number: int, template: _Template) -> MessageRecord:
    at = template.at + timedelta(hours=1)
    text, words, look = template.sketches
    host = f"s{template.number}.example"
    made = Original(
        form="attachment", grade="G2", grade_reason="made", sender=Mailbox(f"x@{host}", None), on_behalf_of=None,
        recipients=(Recipient(f"n{number}@gmail.com", None, "to"),), subject=None, sent_between=Window(at, at),
        received_at=None, message_id=f"{number}@new", links=(f"https://{host}/",), spans={}, text_sketch=text,
        word_sketch=words, look_sketch=look,
    )  # fmt: skip
    return MessageRecord(
        schema="leaktrace.mail/1", file=None, sha256=f"f{rank(f'new {number}'):063x}", kind="report", reason=None,
        status=None, reporter=Mailbox(f"n{number}@gmail.com", None), originals=(made,),
        authentication=Authentication(), reported_at=at,
    )  # fmt: skip
