"""A message record from its JSON: the way back from `MessageRecord.to_json` (DESIGN 4.5).

Mail is stored as its record, so what is read here was written by leaktrace; a document that does not fit comes from
another version or was changed, and is refused as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leaktrace.errors import MailError
from leaktrace.records import (
    Arrival,
    Authentication,
    DkimResult,
    DmarcResult,
    FeedbackFacts,
    Mailbox,
    MessageRecord,
    Original,
    Recipient,
    SpfResult,
    Window,
)

MAIL_SCHEMA = "leaktrace.mail/1"


def message_from_document(document: dict[str, Any]) -> MessageRecord:
    """The record that `to_document` was given; MailError when the document is not one of `leaktrace.mail/1`."""
    try:
        if document["schema"] != MAIL_SCHEMA:
            raise MailError(
                f"A stored message is written as {document['schema']!r}, not as {MAIL_SCHEMA!r}.",
                "It comes from another version of leaktrace; open the workspace with that one.",
            )
        return _message(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MailError(
            f"A stored message's record cannot be read: {type(error).__name__} {error}.",
            "Receive its raw mail again; it is still stored.",
        ) from error


def _message(document: dict[str, Any]) -> MessageRecord:
    return MessageRecord(
        schema=document["schema"],
        file=document["file"],
        sha256=document["sha256"],
        kind=document["kind"],
        reason=document["reason"],
        status=document["status"],
        reporter=Mailbox(**document["reporter"]),
        originals=tuple(_original(item) for item in document["originals"]),
        authentication=_authentication(document["authentication"]),
        reported_at=_instant(document["reported_at"]),
        size_bytes=int(document["size_bytes"]),
        arrival=_arrival(document.get("arrival")),
    )


def _original(document: dict[str, Any]) -> Original:
    behalf = document["on_behalf_of"]
    between = document["sent_between"]
    return Original(
        form=document["form"],
        grade=document["grade"],
        grade_reason=document["grade_reason"],
        sender=Mailbox(**document["sender"]),
        on_behalf_of=None if behalf is None else Mailbox(**behalf),
        recipients=tuple(Recipient(**item) for item in document["recipients"]),
        subject=document["subject"],
        sent_between=Window(_instant(between["start"]), _instant(between["end"])),
        received_at=_instant(document["received_at"]),
        message_id=document["message_id"],
        links=tuple(document["links"]),
        spans={name: (int(start), int(end)) for name, (start, end) in document["spans"].items()},
        claims=tuple(_original(item) for item in document["claims"]),
        flags=tuple(document["flags"]),
        authentication=_authentication(document["authentication"]),
        reply_to=document["reply_to"],
        text_sketch=tuple(int(value) for value in document["text_sketch"]),
        sent_by=None if document.get("sent_by") is None else Mailbox(**document["sent_by"]),
        feedback=_feedback(document.get("feedback")),
        # Books of before version 0.3 know none of these.
        word_sketch=tuple(int(value) for value in document.get("word_sketch", ())),
        look_sketch=tuple(int(value) for value in document.get("look_sketch", ())),
        marks=tuple(document.get("marks", ())),
    )


def _feedback(document: dict[str, Any] | None) -> FeedbackFacts | None:
    if document is None:
        return None
    repeated = ("original_rcpt_to", "reported_domains", "reported_uris", "authentication_results")
    lists = {name: tuple(str(one) for one in document[name]) for name in repeated}
    return FeedbackFacts(**(document | lists | {"arrival_at": _instant(document["arrival_at"])}))


def _authentication(document: dict[str, Any]) -> Authentication:
    return Authentication(
        dkim=tuple(
            DkimResult(item["domain"], item["selector"], item["result"], tuple(item["covers"]))
            for item in document["dkim"]
        ),
        arc_cv=document["arc_cv"],
        body_hash_matches=document["body_hash_matches"],
    )


def _arrival(document: dict[str, Any] | None) -> Arrival | None:
    if document is None:
        return None
    spf, dmarc = document["spf"], document["dmarc"]
    return Arrival(
        known_by=document["known_by"],
        spf=None if spf is None else SpfResult(**spf),
        dmarc=None if dmarc is None else DmarcResult(**(dmarc | {"aligned": tuple(dmarc["aligned"])})),
        sender=document["sender"],
        reason=document["reason"],
    )


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"time without zone: {text}")
    return instant.astimezone(UTC)
