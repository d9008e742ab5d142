"""Inline forward as Gmail writes it, in English and in Persian: `gmail_quote` around, `gmail_attr` for the header."""

from __future__ import annotations

import html
import textwrap

import numpy as np

from leaktrace.simulate.clients import gmail_english, gmail_persian
from leaktrace.simulate.envelope import Complaint, opening_headers
from leaktrace.simulate.letters import Letter
from leaktrace.simulate.mime import Encoding, entity, multipart, token

_RULE = "---------- Forwarded message ---------"
_TOKEN_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # noqa: S105 (an alphabet)


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The complaint with the letter below it; one in six people write plain text only."""
    persian = complaint.reporter.language == "fa"
    letter = complaint.letter
    message_id = f"CA{token(rng, 48, _TOKEN_LETTERS)}@mail.{complaint.from_address.rpartition('@')[2]}"
    headers = [
        *opening_headers(rng, complaint, f"Fwd: {letter.subject}", message_id),
        ("References", f"<{letter.message_id}>"),
        ("In-Reply-To", f"<{letter.message_id}>"),
    ]
    text = f"{complaint.note}\n\n{_text_header(letter, persian)}\n\n\n{_wrapped(letter)}"
    encoding: Encoding = "base64" if complaint.reporter.language != "en" else "quoted-printable"
    if rng.random() < 1 / 6:
        return entity(headers, text, encoding=encoding)
    note = html.escape(complaint.note, quote=False).replace("\n", "<br>")
    page = (
        f'<div dir="{"rtl" if persian else "ltr"}">{note}<br><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{_html_header(letter, persian)}</div><br><br>{letter.html}\n</div></div>\n'
    )
    parts = [entity([], text, encoding=encoding), entity([], page, subtype="html", encoding=encoding)]
    return multipart(headers, "alternative", f"000000000000{token(rng, 16, '0123456789abcdef')}", parts)


def _wrapped(letter: Letter) -> str:
    """Gmail breaks plain text near 72 columns, and leaves links whole."""
    lines = [
        textwrap.fill(line, 72, break_long_words=False, break_on_hyphens=False) for line in letter.text.split("\n")
    ]
    return "\n".join(lines)


def _text_header(letter: Letter, persian: bool) -> str:
    if persian:
        # Name and address stand in embedded left-to-right runs, as Gmail writes them in right-to-left languages.
        sender = f"از: \u202a{letter.sender_name}\u202c\u200f <\u202a{letter.sender_address}\u202c\u200f>"
        date = gmail_persian(letter.sent_at)
    else:
        sender = f"From: {letter.sender_name} <{letter.sender_address}>"
        date = gmail_english(letter.sent_at)
    return f"{_RULE}\n{sender}\nDate: {date}\nSubject: {letter.subject}\nTo: <{letter.to.address}>"


def _html_header(letter: Letter, persian: bool) -> str:
    address, to = letter.sender_address, letter.to.address
    date = gmail_persian(letter.sent_at) if persian else gmail_english(letter.sent_at)
    return (
        f'{_RULE}<br>{"از" if persian else "From"}: <strong class="gmail_sendername" dir="auto">'
        f'{html.escape(letter.sender_name)}</strong> <span dir="auto">&lt;<a href="mailto:{address}">{address}</a>&gt;'
        f"</span><br>Date: {date}<br>Subject: {html.escape(letter.subject, quote=False)}<br>"
        f'To:  &lt;<a href="mailto:{to}">{to}</a>&gt;<br>'
    )
