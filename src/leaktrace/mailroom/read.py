"""One message of the abuse mailbox: raw bytes in, a record of what it is out (DESIGN 4.5). Pure and deterministic.

The order of the questions matters: feedback reports before bounces (both are multipart/report), bounces and automatic
answers before attachments (bounces attach what they return), a redirected mail before what it holds (that is what its
sender says), a forward in the text before attachments (a forwarded message keeps its attachments; they are what its
sender says, so they become claims).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace

from leaktrace.addresses import fold
from leaktrace.mailroom.answers import (
    find_autoreply,
    find_autoreply_by_subject,
    is_written_by_program,
    judge_words,
)
from leaktrace.mailroom.arf import find_feedback, read_feedback, why_no_complaint
from leaktrace.mailroom.arrival import judge_arrival
from leaktrace.mailroom.attached import read_attached
from leaktrace.mailroom.authentication import check_signatures
from leaktrace.mailroom.bounces import (
    find_bounce,
    find_bounce_by_null_sender,
    find_bounce_by_subject,
    find_forwarded_bounce,
)
from leaktrace.mailroom.carried import Carried
from leaktrace.mailroom.disclaiming import REDIRECTED_FLAG, disclaim, is_listed, without_sender
from leaktrace.mailroom.headers import unfolded
from leaktrace.mailroom.inline import UNCLEAR_FLAG, find_forward, is_of_a_mail_to_us, is_to_its_writer, read_forward
from leaktrace.mailroom.mailboxes import read_mailboxes
from leaktrace.mailroom.mime import CeilingReached, Part, TextBudget, read_fields, read_message
from leaktrace.mailroom.received import reported_at
from leaktrace.mailroom.redirected import BY_FIELD, Redirect, find_redirect
from leaktrace.mailroom.sources import Envelope
from leaktrace.mailroom.spf import Names
from leaktrace.mailroom.texts import Text, body_texts
from leaktrace.mailroom.xarf import find_xarf
from leaktrace.records import Authentication, Mailbox, MessageKind, MessageRecord, Original
from leaktrace.settings import Settings

SCHEMA = "leaktrace.mail/1"
_NOBODY = Mailbox(None, None)
_GLANCE_BYTES = 100_000


def read_mail(
    raw: bytes,
    *,
    settings: Settings | None = None,
    dns_keys: Mapping[str, str] | None = None,
    file: str | None = None,
    envelope: Envelope | None = None,
    names: Names | None = None,
) -> MessageRecord:
    """What a message is. `dns_keys`: DKIM key records by name (`selector._domainkey.domain`); none are looked up.

    `envelope`: who handed this message to our border server, where that server says so; `names`: answers SPF and DMARC
    of it; without either the envelope is known from what that server wrote above the message, or not at all.

    Never raises on any bytes: what cannot be read has kind `unreadable` and a reason.
    """
    settings = settings or Settings()
    reader = _Reading(raw, settings, dns_keys, file)
    try:
        return reader.record(envelope, names)
    except CeilingReached as reached:
        return reader.unreadable(str(reached))


def read_oversize(
    *, sha256: str, size_bytes: int, beginning: bytes, settings: Settings | None = None, file: str | None = None
) -> MessageRecord:
    """The record of a message too large to be held in memory, from its digest, its size and its first bytes."""
    ceiling = (settings or Settings()).message_ceiling_bytes
    return MessageRecord(
        SCHEMA, file, sha256, "unreadable", f"{size_bytes} bytes are more than the {ceiling} that are read", None,
        _glance(beginning), (), Authentication(), None, size_bytes,
    )  # fmt: skip


def _glance(raw: bytes) -> Mailbox:
    """The reporter by the first From field of bytes that are not parsed any further."""
    beginning = raw[:_GLANCE_BYTES]
    fields, _ = read_fields(beginning, 0, len(beginning))
    for field in fields:
        if field.name == "from":
            found = read_mailboxes(unfolded(beginning[field.value_start : field.value_end]), encoded=True)
            return found[0].mailbox if found else _NOBODY
    return _NOBODY


def _is_redirected(originals: tuple[Original, ...]) -> bool:
    return any(REDIRECTED_FLAG in one.flags for one in originals)


def _not_by_us(reporter: Mailbox, staff: Collection[str], originals: tuple[Original, ...]) -> tuple[Original, ...]:
    """The originals without a sender where that is the reporter, known as a customer or not, or an employee: who
    forwards an exchange of letters begins with the last one, which is often their own.
    """
    own = fold(reporter.address) if reporter.address is not None else None

    def is_ours(address: str) -> bool:
        return (own is not None and fold(address) == own) or is_listed(address, staff)

    return tuple(disclaim(one, is_ours) for one in originals)


class _Reading:
    """One message while it is read."""

    def __init__(self, raw: bytes, settings: Settings, keys: Mapping[str, str] | None, file: str | None) -> None:
        self._raw = raw
        self._settings = settings
        self._keys = keys
        self._budget = TextBudget(settings.text_ceiling_bytes)
        self._held: tuple[list[Text], tuple[Original, ...]] | None = None
        self._empty = MessageRecord(
            SCHEMA, file, hashlib.sha256(raw).hexdigest(), "unreadable", None, None, _NOBODY, (), Authentication(),
            None, len(raw),
        )  # fmt: skip

    def unreadable(self, reason: str) -> MessageRecord:
        return replace(self._empty, reason=reason, reporter=_glance(self._raw))

    def record(self, envelope: Envelope | None, names: Names | None) -> MessageRecord:
        message = read_message(self._raw, self._settings)
        if not message.fields:
            return self.unreadable("no header fields: not a mail message" if self._raw.strip() else "an empty message")
        redirect = find_redirect(message, self._settings.staff_addresses)
        kind, reason, status, originals = self._judged(message, redirect)
        if not _is_redirected(originals):
            redirect = None
        found = read_mailboxes(message.unfolded("from") or "", encoded=True)
        reporter = redirect.by if redirect else found[0].mailbox if found else _NOBODY
        signed = check_signatures(message.whole(), self._keys, None)
        by_field = "from" if redirect is None else BY_FIELD
        return replace(
            self._empty,
            kind=kind,
            reason=reason,
            status=status,
            reporter=reporter,
            originals=_not_by_us(reporter, self._settings.staff_addresses, originals),
            authentication=signed.authentication,
            arrival=judge_arrival(message, envelope, signed, names, self._settings, by_field=by_field),
            reported_at=reported_at(message),
        )

    def _judged(
        self, message: Part, redirect: Redirect | None
    ) -> tuple[MessageKind, str | None, str | None, tuple[Original, ...]]:
        structured = self._structured(message)
        if structured is not None:
            return structured
        automatic = self._automatic(message)
        if automatic is not None:
            return automatic
        if redirect is not None:
            original = read_attached(redirect.mail, settings=self._settings, budget=self._budget, keys=self._keys)
            return "report", None, None, (replace(original, flags=tuple(sorted({*original.flags, REDIRECTED_FLAG}))),)
        texts, attached = self._inside(message)
        originals = self._originals(message, texts, attached)
        if is_written_by_program(message) and all(one.form.startswith("inline") for one in originals):
            originals = ()
        forwarded_bounce = find_forwarded_bounce(message, originals)
        if forwarded_bounce is not None:
            return "bounce", forwarded_bounce.reason, forwarded_bounce.status, ()
        if originals:
            return "report", None, None, originals
        kind, reason = judge_words(message, texts)
        return kind, reason, None, ()

    def _automatic(self, message: Part) -> tuple[MessageKind, str | None, str | None, tuple[Original, ...]] | None:
        """Delivery reports and automatic answers; None for what is neither."""
        bounce = find_bounce(message)
        if bounce is None:
            subject_replies, subject_bounces = find_autoreply_by_subject(message), find_bounce_by_subject(message)
            if (subject_replies or subject_bounces) and self._passes_on(message):
                subject_replies = subject_bounces = None
            autoreply = find_autoreply(message) or subject_replies
            if autoreply is not None:
                return "autoreply", autoreply, None, ()
            bounce = find_bounce_by_null_sender(message) or subject_bounces
        return None if bounce is None else ("bounce", bounce.reason, bounce.status, ())

    def _passes_on(self, message: Part) -> bool:
        """Whether a message holds one that is not by whoever gets it: a program returns to its writer what it could
        not deliver, or answers it; a person who writes "Delivery problem: who are they?" sends on somebody else's.
        """
        texts, held = self._inside(message)
        if message.first("x-auto-response-suppress") is None:  # as Exchange writes into its answers, which may quote
            forward = find_forward(texts, message.text("subject"))
            if forward is not None and forward.block.shape == "labels":
                held = (*held, read_forward(forward, message))
        return any(one.sender.address is not None and not is_to_its_writer(message, one) for one in held)

    def _structured(self, message: Part) -> tuple[MessageKind, str | None, str | None, tuple[Original, ...]] | None:
        """What a report of a mailbox provider or a network says; None for what is none."""
        report = find_xarf(message, self._budget)
        if report is not None:
            originals = report.originals(self._settings, self._budget, self._keys)
            reason = None if originals else report.reason
            return ("report" if originals else "other"), reason, None, originals
        feedback = find_feedback(message)
        if feedback is None:
            return None
        reason = why_no_complaint(feedback)
        if reason is not None:
            return "other", reason, None, ()
        found = read_feedback(message, feedback, settings=self._settings, budget=self._budget, keys=self._keys)
        return "report", None, None, found

    def _inside(self, message: Part) -> tuple[list[Text], tuple[Original, ...]]:
        """Its texts, and the mails that it carries; read once, whoever asks for them."""
        if self._held is None:
            texts = body_texts(message, self._budget)
            self._held = texts, Carried(self._settings, self._budget, self._keys).originals(message)
        return self._held

    def _originals(self, message: Part, texts: list[Text], attached: tuple[Original, ...]) -> tuple[Original, ...]:
        forward = find_forward(texts, message.text("subject"))
        if forward is None:
            return attached
        original = read_forward(forward, message)
        if is_of_a_mail_to_us(message, forward, original):
            return attached
        if attached and is_to_its_writer(message, original):
            # What the reporter was asked for; or what a mail that pretends to be ours brought with it.
            original = without_sender(original, UNCLEAR_FLAG)
        flags = {*original.flags, "attached_message_inside"} if attached else set(original.flags)
        return (replace(original, claims=(*original.claims, *attached), flags=tuple(sorted(flags))),)
