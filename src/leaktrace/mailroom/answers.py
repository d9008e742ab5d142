"""Mail that is neither report nor bounce: automatic answers, complaints in words only, and everything else."""

from __future__ import annotations

import re

from leaktrace.mailroom.labels import plain
from leaktrace.mailroom.mime import Part, walk
from leaktrace.mailroom.notices import notices
from leaktrace.mailroom.texts import Text
from leaktrace.records import MessageKind

_WORDS_CEILING_CHARACTERS = 20_000


def find_autoreply(message: Part) -> str | None:
    """Why a message is an automatic answer (RFC 3834, RFC 8098); None when it is not."""
    if _auto_submitted(message) == "auto-replied":
        return "an automatic answer by its Auto-Submitted field (RFC 3834)"
    if any(_is_receipt(part) for part in walk(message)):
        return "a read receipt (RFC 8098)"
    if (message.text("x-apple-action") or "").strip().lower() == "vacation":
        return "an automatic answer by its X-Apple-Action field"
    if (message.text("precedence") or "").strip().lower() in ("auto_reply", "auto-reply"):
        return "an automatic answer by its Precedence field"
    for name in ("x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from"):
        if (message.text(name) or "no").strip().lower() not in ("no", "false", ""):
            return "an automatic answer by its X-Autoreply field"
    return None


def find_autoreply_by_subject(message: Part) -> str | None:
    """The same by nothing but the subject, which a person may have written so."""
    subject = plain(message.text("subject") or "").lstrip("*[]()!-\"' ")
    if subject.startswith(notices().autoreply_subjects):
        suppressed = message.first("x-auto-response-suppress") is not None
        return "an automatic answer by its subject" + (" and X-Auto-Response-Suppress" if suppressed else "")
    return None


def _is_receipt(part: Part) -> bool:
    """Whether a part says that a mail was shown: gateways wrap receipts, and some programs leave the type out."""
    report_type = part.parameters.get("report-type", "").lower()
    return part.content_type == "message/disposition-notification" or (
        part.content_type == "multipart/report" and report_type == "disposition-notification"
    )


def is_written_by_program(message: Part) -> bool:
    """Whether a message says so of itself (RFC 3834)."""
    return _auto_submitted(message) != "no"


def _auto_submitted(message: Part) -> str:
    """The keyword of Auto-Submitted without parameters and comments (RFC 3834, section 5); `no` where it is missing."""
    return re.split(r"[;(\s]", (message.text("auto-submitted") or "no").strip().lower(), maxsplit=1)[0] or "no"


def judge_words(message: Part, texts: list[Text]) -> tuple[MessageKind, str]:
    """`complaint` or `other` for a message without an original, and why."""
    for name in ("x-spam-flag", "x-spam-status", "x-spam"):
        if re.split(r"[\s,;]", (message.text(name) or "").strip().lower(), maxsplit=1)[0] == "yes":
            return "other", f"marked as spam sent to the mailbox itself ({name.title()})"
    if message.first("list-unsubscribe") is not None or message.first("list-id") is not None:
        return "other", "mailing-list mail to the mailbox itself (List- fields)"
    if (message.text("precedence") or "").strip().lower() in ("bulk", "list", "junk"):
        return "other", "bulk mail to the mailbox itself (Precedence field)"
    if is_written_by_program(message):
        return "other", "written by a program (Auto-Submitted field)"
    if message.first("x-amz-sns-message-id") is not None:
        return "other", "written by a program (Amazon SNS notification)"
    words = plain((message.text("subject") or "") + " " + (texts[0].text[:_WORDS_CEILING_CHARACTERS] if texts else ""))
    if any(word in words for word in notices().complaint_words):
        return "complaint", "a complaint in words, without the mail it is about"
    return "other", "holds no other message and does not speak of unwanted mail"
