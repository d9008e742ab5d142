"""Forwards as mail programs write them around a given body: the programs' layouts, the label tables' words.

A layout is the program's; the words come from one source of one language (`leaktrace.mailroom.labels`), so that a
wrapped mail looks like that program speaking that language. `UNKNOWN` is a language that no table has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape

from babel import Locale
from babel.dates import format_datetime

from leaktrace.mailroom.labels import words_with_sources

BABEL = {"no": "nb", "zh-hans": "zh_Hans_CN", "zh-hant": "zh_Hant_TW"}
UNKNOWN = "unknown"
_FIELDS = ("from", "date", "to", "subject")
_GEORGIAN = {
    "from": "გამომგზავნი",
    "date": "თარიღი",
    "to": "მიმღები",
    "subject": "თემა",
    "forwarded": "გადაგზავნილი წერილი",
}


@dataclass(frozen=True)
class Words:
    """What one program calls things in one language."""

    language: str
    source: str
    label: dict[str, str]
    forwarded: str


@dataclass(frozen=True)
class Wrapped:
    """A body inside a forward, and what a reader has to find."""

    raw: bytes
    sender: str
    to: str
    subject: str
    sent_at: datetime


@dataclass(frozen=True)
class Outer:
    """The forward's own header lines."""

    name: str
    sender: str
    to: str
    subject: str
    sent_at: datetime
    date: str

    def values(self) -> dict[str, str]:
        """What stands after each label."""
        return {"from": f"{self.name} <{self.sender}>", "date": self.date, "to": self.to, "subject": self.subject}


def vocabularies() -> list[Words]:
    """Every language in the words of every source that has all four header lines, and one language without a table."""
    found = []
    for language, kinds in words_with_sources().items():
        names = sorted({one for kind in _FIELDS for ids in kinds[kind].values() for one in ids} - {"unsourced"})
        for source in names:
            chosen = {kind: [word for word, ids in kinds[kind].items() if source in ids] for kind in _FIELDS}
            opening = [word for word, ids in kinds.get("forwarded", {}).items() if source in ids]
            if all(chosen.values()):
                label = {kind: words[0] for kind, words in chosen.items()}
                found.append(Words(language, source, label, opening[0] if opening else ""))
    found.append(Words(UNKNOWN, "none", {kind: _GEORGIAN[kind] for kind in _FIELDS}, _GEORGIAN["forwarded"]))
    return found


def written_dates(language: str, at: datetime) -> list[str]:
    """The time as programs of that language write it: CLDR's full, long, medium and short patterns, without a zone."""
    locale = Locale.parse(BABEL.get(language, "en" if language == UNKNOWN else language))
    clock = at.replace(tzinfo=None)
    found = []
    for shape in ("full", "long", "medium", "short"):
        day = format_datetime(clock, str(locale.date_formats[shape]), locale=locale)
        found.append(f"{day} {format_datetime(clock, str(locale.time_formats['short']), locale=locale)}")
    return found


def _lines(words: Words, outer: Outer, order: tuple[str, ...] = _FIELDS) -> list[str]:
    return [f"{words.label[kind]}: {outer.values()[kind]}" for kind in order]


def _gmail_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    opening = f"---------- {words.forwarded or 'Forwarded message'} ---------"
    return "plain", "\n".join(["fyi", "", opening, *_lines(words, outer), "", "", body])


def _outlook_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    return "plain", "\n".join(["see below", "", "_" * 32, *_lines(words, outer), "", body])


def _desktop_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    return "plain", "\r\n".join(["", *_lines(words, outer), "", body])


def _apple_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    lines = _lines(words, outer, ("from", "subject", "date", "to"))
    quoted = [f"{words.forwarded or 'Begin forwarded message'}:", "", *lines, "", *body.splitlines()]
    return "plain", "not mine!\n\n" + "\n".join(f"> {line}" for line in quoted)


def _thunderbird_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    opening = f"-------- {words.forwarded or 'Forwarded Message'} --------"
    lines = _lines(words, outer, ("subject", "date", "from", "to"))
    return "plain", "\n".join(["", "", opening, *lines, "", "", "", body])


def _yahoo_text(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    opening = f"----- {words.forwarded or 'Forwarded Message'} -----"
    return "plain", "\n".join([" ", f"   {opening}", *_lines(words, outer, ("from", "to", "date", "subject")), body])


def _gmail_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    sender = (
        f'<strong class="gmail_sendername" dir="auto">{escape(outer.name)}</strong> <span dir="auto">&lt;'
        f'<a href="mailto:{outer.sender}">{outer.sender}</a>&gt;</span>'
    )
    rest = "".join(f"{words.label[kind]}: {escape(values[kind])}<br>" for kind in ("date", "subject", "to"))
    return "html", (
        '<div dir="ltr">fyi<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- '
        f"{escape(words.forwarded or 'Forwarded message')} ---------<br>{words.label['from']}: {sender}<br>{rest}</div>"
        f"<br><br>{body}</div></div>"
    )


def _outlook_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    rows = "<br>".join(f"<b>{words.label[kind]}:</b> {escape(values[kind])}" for kind in _FIELDS)
    return "html", (
        '<html><body><div>see below</div><hr style="display:inline-block;width:98%" tabindex="-1">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri">{rows}</font><div>&nbsp;</div></div>{body}'
        "</body></html>"
    )


def _desktop_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    rows = "<br>\n".join(f"<b>{words.label[kind]}:</b> {escape(values[kind])}" for kind in _FIELDS)
    return "html", (
        '<html><body><div class="WordSection1"><p class="MsoNormal">hi<o:p></o:p></p><div style="border:none;'
        f'border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">{rows}<o:p></o:p></p></div>'
        f"{body}</div></body></html>"
    )


def _apple_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    rows = "".join(
        f'<div style="margin:0"><span><b>{words.label[kind]}: </b></span><span>{escape(values[kind])}<br></span></div>'
        for kind in ("from", "subject", "date", "to")
    )
    opening = escape(words.forwarded or "Begin forwarded message")
    return "html", (
        f'<html><body>no<br><div><br><blockquote type="cite"><div>{opening}:</div><br>{rows}<br>'
        f"<div>{body}</div></blockquote></div></body></html>"
    )


def _thunderbird_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    rows = "".join(
        f'<tr><th nowrap valign="BASELINE" align="RIGHT">{words.label[kind]}: </th><td>{escape(values[kind])}</td></tr>'
        for kind in ("subject", "date", "from", "to")
    )
    opening = escape(words.forwarded or "Forwarded Message")
    return "html", (
        f'<html><body><p>x</p><div class="moz-forward-container"><br><br>-------- {opening} --------'
        f'<table class="moz-email-headers-table"><tbody>{rows}</tbody></table><br><br>{body}</div></body></html>'
    )


def _yahoo_html(words: Words, outer: Outer, body: str) -> tuple[str, str]:
    values = outer.values()
    rows = "".join(
        f"<div><b>{words.label[kind]}:</b> {escape(values[kind])}</div>" for kind in ("from", "to", "date", "subject")
    )
    opening = escape(words.forwarded or "Forwarded Message")
    return "html", (
        f'<div>no</div><div id="ydp7yahoo_quoted_1" class="yahoo_quoted"><div>----- {opening} -----</div>{rows}'
        f"<div><br></div><div>{body}</div></div>"
    )


STYLES: dict[str, Callable[[Words, Outer, str], tuple[str, str]]] = {
    "Gmail, text": _gmail_text,
    "Gmail, HTML": _gmail_html,
    "Outlook on the web, text": _outlook_text,
    "Outlook on the web, HTML": _outlook_html,
    "Outlook, text": _desktop_text,
    "Outlook, HTML": _desktop_html,
    "Apple Mail, text": _apple_text,
    "Apple Mail, HTML": _apple_html,
    "Thunderbird, text": _thunderbird_text,
    "Thunderbird, HTML": _thunderbird_html,
    "Yahoo, text": _yahoo_text,
    "Yahoo, HTML": _yahoo_html,
}


def wrap(style: str, words: Words, outer: Outer, body: str, body_is_html: bool) -> Wrapped:
    """A complaint that holds `body` in a forward of that style."""
    wants_html = style.endswith("HTML")
    inner = body if wants_html == body_is_html else f"<pre>{escape(body)}</pre>" if wants_html else body
    kind, text = STYLES[style](words, outer, inner)
    head = (
        "From: Cleo Marsh <cleo@mail.example>\r\nTo: report-abuse@market.example\r\n"
        f"Subject: Fwd: {outer.subject}\r\nDate: Tue, 05 Mar 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n"
    )
    return Wrapped(
        head.encode() + text.encode("utf-8", "replace"), outer.sender, outer.to, outer.subject, outer.sent_at
    )
