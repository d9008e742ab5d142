"""Inline forward as Apple Mail writes it: everything in a `blockquote type="cite"`, quoted with `>` in plain text."""

from __future__ import annotations

import html

import numpy as np

from leaktrace.simulate.clients import apple_english
from leaktrace.simulate.envelope import Complaint, opening_headers
from leaktrace.simulate.letters import Letter
from leaktrace.simulate.mime import entity, multipart, uuid

_FONT = "font-family: -webkit-system-font, Helvetica Neue, Helvetica, sans-serif;"
_NO_MARGIN = "margin-top: 0px; margin-right: 0px; margin-bottom: 0px; margin-left: 0px;"
_BODY_STYLE = "overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;"


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The complaint with the letter quoted below; one in five is plain text only."""
    letter = complaint.letter
    headers = [
        *opening_headers(
            rng, complaint, f"Fwd: {letter.subject}", f"{uuid(rng)}@{complaint.from_address.rpartition('@')[2]}"
        ),
        ("References", f"<{letter.message_id}>"),
        ("X-Mailer", ("iPhone Mail (22F76)", "Apple Mail (2.3826.600.51.1.1)")[int(rng.integers(0, 2))]),
    ]
    lines = _header_lines(letter)
    quoted = "\n".join(["Begin forwarded message:", "", *(f"{a}: {b}" for a, b in lines), "", letter.text.rstrip()])
    text = complaint.note + "\n\n" + "\n".join(f"> {line}".rstrip() for line in quoted.split("\n")) + "\n"
    if rng.random() < 0.2:
        return entity(headers, text, encoding="quoted-printable")
    parts = [
        entity([], text, encoding="quoted-printable"),
        entity([], _page(complaint, lines), subtype="html", encoding="quoted-printable"),
    ]
    return multipart(headers, "alternative", f"Apple-Mail=_{uuid(rng)}", parts)


def _header_lines(letter: Letter) -> list[tuple[str, str]]:
    return [
        ("From", f"{letter.sender_name} <{letter.sender_address}>"),
        ("Subject", letter.subject),
        ("Date", apple_english(letter.sent_at)),
        ("To", letter.to.address),
    ]


def _page(complaint: Complaint, lines: list[tuple[str, str]]) -> str:
    note = html.escape(complaint.note, quote=False).replace("\n", "<br>")
    block = "".join(_line(label, value) for label, value in lines)
    return (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head>'
        f'<body style="{_BODY_STYLE}">{note}<br id="lineBreakAtBeginningOfMessage"><div><br>'
        '<blockquote type="cite"><div>Begin forwarded message:</div><br class="Apple-interchange-newline">'
        f"{block}<br><div>{complaint.letter.html}</div></blockquote></div><br></body></html>\n"
    )


def _line(label: str, value: str) -> str:
    name, bracket, rest = value.rpartition(" <")
    address = rest.rstrip(">") if bracket else value
    written = html.escape(value, quote=False)
    if "@" in address and label in {"From", "To"}:
        link = f'<a href="mailto:{address}">{address}</a>'
        written = f"{html.escape(name)} &lt;{link}&gt;" if bracket else link
    return (
        f'<div style="{_NO_MARGIN}"><span style="{_FONT} color:rgba(0, 0, 0, 1.0);"><b>{label}: </b></span>'
        f'<span style="{_FONT}">{written}<br></span></div>'
    )
