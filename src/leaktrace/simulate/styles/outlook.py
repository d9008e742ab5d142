"""Inline forward as Outlook on the web and the new Outlook write it, in English and in Chinese: `divRplyFwdMsg`."""

from __future__ import annotations

import html

import numpy as np

from leaktrace.simulate.clients import outlook_chinese, outlook_english
from leaktrace.simulate.envelope import Complaint, opening_headers
from leaktrace.simulate.letters import Letter
from leaktrace.simulate.mime import entity, multipart, token

_LABELS = {"en": ("From:", "Sent:", "To:", "Subject:"), "zh": ("发件人:", "发送时间:", "收件人:", "主题:")}
_PREFIX = {"en": "Fw: ", "zh": "转发: "}
_FONT = "font-family: Aptos, Aptos_EmbeddedFont, Aptos_MSFontService, Calibri, Helvetica, sans-serif; font-size: 12pt;"


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The complaint with the letter below a rule and a block of four labels."""
    language = "zh" if complaint.reporter.language == "zh" else "en"
    letter = complaint.letter
    host = complaint.from_address.rpartition("@")[2]
    message_id = f"{token(rng, 38).upper()}@{token(rng, 16).upper()}.prod.{host}"
    headers = [
        *opening_headers(rng, complaint, _PREFIX[language] + letter.subject, message_id),
        ("Thread-Topic", "AQHb" + token(rng, 28)),
        ("References", f"<{letter.message_id}>"),
        ("In-Reply-To", f"<{letter.message_id}>"),
        ("Accept-Language", "zh-CN, en-US" if language == "zh" else "en-US"),
        ("X-MS-Has-Attach", ""),
    ]
    lines = _header_lines(letter, language)
    block = "\n".join(f"{label} {value}" for label, value in lines)
    text = f"{complaint.note}\n{'_' * 32}\n{block}\n\n{letter.text}"
    parts = [
        entity([], text, encoding="base64" if language == "zh" else "quoted-printable"),
        entity([], _page(complaint, lines), subtype="html", encoding="quoted-printable"),
    ]
    return multipart(headers, "alternative", f"_000_{token(rng, 34).upper()}_", parts)


def _header_lines(letter: Letter, language: str) -> list[tuple[str, str]]:
    sent = outlook_chinese(letter.sent_at) if language == "zh" else outlook_english(letter.sent_at)
    values = (
        f"{letter.sender_name} <{letter.sender_address}>",
        sent,
        f"{letter.to.address} <{letter.to.address}>",
        letter.subject,
    )
    return list(zip(_LABELS[language], values, strict=True))


def _page(complaint: Complaint, lines: list[tuple[str, str]]) -> str:
    note = html.escape(complaint.note, quote=False).replace("\n", "<br>\n")
    block = "<br>\n".join(f"<b>{label}</b> {html.escape(value, quote=False)}" for label, value in lines)
    return f"""<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<style type="text/css" style="display:none;"> P {{margin-top:0;margin-bottom:0;}} </style>
</head>
<body dir="ltr">
<div class="elementToProof" style="{_FONT} color: rgb(0, 0, 0);">
{note}</div>
<div id="appendonsend"></div>
<hr style="display:inline-block;width:98%" tabindex="-1">
<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000">{block}</font>
<div>&nbsp;</div>
</div>
<div>{complaint.letter.html}
</div>
</body>
</html>
"""
