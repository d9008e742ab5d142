"""The acknowledgement itself, in the reporter's language (`replies.toml`): a whole message, ready to be sent."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from html import escape
from importlib import resources

from leaktrace.errors import UsageError

FALLBACK_LANGUAGE = "en"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_ISOLATE, _END_ISOLATE = "\u2066", "\u2069"
"""Left-to-right isolate: without it a reference is shown with its groups reversed in right-to-left text (UAX 9)."""


@dataclass(frozen=True, slots=True)
class Thanks:
    """The sentences of one language."""

    subject: str
    thanks: str
    next: str
    """What happens with the report, and what the reporter need not do."""
    reference: str
    """What stands before the reference number."""
    automatic: str


@cache
def all_thanks() -> dict[str, Thanks]:
    """Language (BCP 47, lower case) -> its sentences; read once, never changed."""
    text = resources.files("leaktrace.mailroom").joinpath("replies.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    return {language.lower(): Thanks(**table) for language, table in tables.items()}


def language_for(tag: str) -> str | None:
    """The language we write that serves somebody who asked for `tag` (RFC 4647, section 3.4); None where none does."""
    tag = tag.strip().lower().replace("_", "-")
    if tag.startswith("zh") and {"tw", "hk", "mo", "hant"} & set(tag.split("-")):
        tag = "zh-hant"
    while tag:
        if tag in all_thanks():
            return tag
        tag = tag.rpartition("-")[0]
    return None


def compose_thanks(
    *,
    to: str,
    language: str,
    reference: str,
    message_id: str,
    in_reply_to: str | None,
    references: tuple[str, ...],
    sender: str,
    sender_name: str,
    at: datetime,
) -> bytes:
    """The message as it is sent (RFC 5322, CRLF, 7-bit); its envelope sender is the null sender.

    It holds nothing of the report but its sender's address and the Message-IDs that tie it to its thread. UsageError
    where the address it is to come from is none.
    """
    words = all_thanks()[language]
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit", max_line_length=78))
    try:
        message["From"] = Address(sender_name, addr_spec=sender)
    except (ValueError, IndexError):
        raise UsageError(
            "The setting 'acknowledge_from' is no mail address that can be written from.",
            "It is an address such as report-abuse@market.example.",
        ) from None
    message["To"] = Address(addr_spec=to)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    if in_reply_to is not None:
        message["In-Reply-To"] = in_reply_to
    if references:
        message["References"] = " ".join(references)
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_plain(words, reference), cte="base64")
    message.add_alternative(_html(words, language, reference), subtype="html", cte="base64")
    message["Content-Language"] = language  # after the content: setting that takes away what it says of itself
    return message.as_bytes()


def _plain(words: Thanks, reference: str) -> str:
    number = f"{words.reference} {_ISOLATE}{reference}{_END_ISOLATE}"
    return "\n\n".join((words.thanks, words.next, number, words.automatic)) + "\n"


def _html(words: Thanks, language: str, reference: str) -> str:
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    number = f'{escape(words.reference)} <bdi dir="ltr">{escape(reference)}</bdi>'
    paragraphs = (escape(words.thanks), escape(words.next), number, escape(words.automatic))
    body = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8">'
        f"<title>{escape(words.subject)}</title></head>\n<body>\n{body}</body>\n</html>\n"
    )
