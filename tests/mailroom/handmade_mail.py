"""Message records made by hand, for tests of what follows reading."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np

from leaktrace.records import (
    Authentication,
    DkimResult,
    Grade,
    Mailbox,
    MessageRecord,
    Original,
    OriginalForm,
    Recipient,
    Window,
)

MAIL_AT = datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC)


def original(
    *,
    sender: str | None = "deals@acme-shop.com",
    sender_name: str | None = None,
    to: str = "kim@customer.example",
    to_name: str | None = None,
    subject: str | None = "Big spring sale for you",
    links: tuple[str, ...] = (),
    reply_to: str | None = None,
    dkim: tuple[str, ...] = (),
    dkim_result: str = "pass",
    grade: Grade = "G2",
    form: OriginalForm = "attachment",
    sketch: tuple[int, ...] = (),
    sent_at: datetime | None = MAIL_AT,
    message_id: str | None = None,
) -> Original:
    results = tuple(DkimResult(domain, "s1", dkim_result, ("from", "to", "subject")) for domain in dkim)  # type: ignore[arg-type]
    return Original(
        form=form,
        grade=grade,
        grade_reason="made for a test",
        sender=Mailbox(sender, sender_name),
        on_behalf_of=None,
        recipients=(Recipient(to, to_name, "to"),),
        subject=subject,
        sent_between=Window(sent_at, sent_at),
        received_at=None,
        message_id=message_id,
        links=links,
        spans={"subject": (10, 20)},
        authentication=Authentication(results, None, True if results else None),
        reply_to=reply_to,
        text_sketch=sketch,
    )


def message(
    *originals: Original, name: str = "1", reporter: str | None = "kim@customer.example", **changes: object
) -> MessageRecord:
    values: dict[str, object] = {
        "schema": "leaktrace.mail/1",
        "file": None,
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "kind": "report" if originals else "complaint",
        "reason": None if originals else "words only",
        "status": None,
        "reporter": Mailbox(reporter, "Kim"),
        "originals": originals,
        "authentication": Authentication(),
        "reported_at": MAIL_AT,
        "size_bytes": 1234,
    }
    return MessageRecord(**(values | changes))  # type: ignore[arg-type]


def sketch_of(words: str, count: int = 64) -> tuple[int, ...]:
    """A MinHash of 4-word shingles, by a way of its own: tests of grouping do not depend on the product's."""
    tokens = words.split()
    shingles = {" ".join(tokens[at : at + 4]) for at in range(len(tokens) - 3)}
    hashes = np.array(
        [[_hash(shingle, seed) for seed in range(count)] for shingle in sorted(shingles)], dtype=np.uint64
    )
    return tuple(int(value) for value in hashes.min(axis=0)) if shingles else ()


def _hash(shingle: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {shingle}".encode(), digest_size=4).digest(), "big")


def prose(seed: int, count: int = 60) -> str:
    """Words of one template."""
    rng = np.random.default_rng(seed)
    return " ".join(f"w{seed}x{number}" for number in rng.integers(0, 10_000, count))
