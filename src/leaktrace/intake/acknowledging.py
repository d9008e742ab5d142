"""Thanks reporters whose messages were just committed: judged, written down, and only then sent."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import datetime

from leaktrace.addresses import fold
from leaktrace.errors import UsageError
from leaktrace.folder import Opened
from leaktrace.intake.mailflow import Committed
from leaktrace.keys import Keyring
from leaktrace.mailroom.acknowledged import AcknowledgedBook, Limits
from leaktrace.mailroom.relay import MaybeSent, NotSent, Relay
from leaktrace.mailroom.replies import Acknowledge, judge_reply
from leaktrace.mailroom.thanks import compose_thanks
from leaktrace.mailroom.ways import Tell
from leaktrace.records import MessageRecord


class Acknowledger:
    """The acknowledgements of one workspace. Close it, or use it with `with`; UsageError where no sender is set."""

    def __init__(self, opened: Opened, clock: Callable[[], datetime]) -> None:
        self._settings = opened.settings
        self._keyring = opened.keyring
        self._clock = clock
        if "@" not in self._settings.acknowledge_from:
            raise UsageError(
                "No address is set that acknowledgements come from.",
                "Set acknowledge_from in settings.json, as report-abuse@market.example (docs/mailbox.md).",
            )
        self._relay = Relay(self._settings.smtp_relay_host, self._settings.smtp_relay_port)
        self._limits = Limits(self._settings.acknowledge_every_days, self._settings.acknowledge_hourly_ceiling_count)
        self._book = AcknowledgedBook(opened.path / "mail")

    def __enter__(self) -> Acknowledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def answer(self, committed: Committed, tell: Tell) -> None:
        """Thanks for the new messages of a batch. A relay that does not take one is asked no more in this batch."""
        for message, record in zip(committed.messages, committed.records, strict=True):
            if message.raw is None or record.sha256 not in committed.added.messages:
                continue
            try:
                self._answer(message.raw, record)
            except (NotSent, MaybeSent) as error:
                tell(str(error))
                return

    def _answer(self, raw: bytes, record: MessageRecord) -> None:
        now = self._clock()
        judged = judge_reply(
            raw, record, settings=self._settings, now=now, is_ours=lambda one: is_ours(one, self._keyring)
        )
        if not isinstance(judged, Acknowledge):
            return
        reference = reference_of(record.sha256, self._keyring)
        thanks = compose_thanks(
            to=judged.to,
            language=judged.language,
            reference=reference,
            message_id=new_message_id(self._keyring, self._settings.acknowledge_from),
            in_reply_to=judged.in_reply_to,
            references=judged.references,
            sender=self._settings.acknowledge_from,
            sender_name=self._settings.acknowledge_name,
            at=now,
        )
        reporter = self._keyring.address_hash(fold(judged.to) or judged.to)
        if self._book.plan(reference, reporter, now=now, limits=self._limits) is not None:
            return
        try:
            self._relay.hand_over(thanks, judged.to)
        except NotSent:
            self._book.withdraw(reference)
            raise
        self._book.sent(reference)


def reference_of(sha256: str, keyring: Keyring) -> str:
    """What the reporter may quote: a keyed hash that says nothing without the key, in groups that can be read out."""
    digest = bytes.fromhex(keyring.feature_hash(f"acknowledgement of {sha256}"))
    text = base64.b32encode(digest).decode("ascii").rstrip("=")
    return f"{text[:4]}-{text[4:8]}-{text[8:]}"


def new_message_id(keyring: Keyring, sender: str) -> str:
    """A Message-ID that is known again as ours without being kept: a random part and its keyed hash."""
    token = secrets.token_hex(8)
    return f"<{token}.{keyring.feature_hash(f'acknowledgement id {token}')}@{sender.rpartition('@')[2]}>"


def is_ours(message_id: str, keyring: Keyring) -> bool:
    """Whether a Message-ID is that of an acknowledgement of this workspace."""
    token, _, tag = message_id.strip("<>").partition("@")[0].partition(".")
    return bool(tag) and secrets.compare_digest(
        tag.encode("utf-8", "replace"), keyring.feature_hash(f"acknowledgement id {token}").encode()
    )
