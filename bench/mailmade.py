"""Complaints of 40 kB, made from a seed: newsletters as shops send them, forwarded by four kinds of client.

Shaped after 900 mails (43 kB on average) of a public collection, phishing_pot, of which nothing but averages was used:
59 header fields of 11 kB, five of them Received; an HTML page of 20 kB with 370 tags, 72 of them styled in place, and a
sheet of 3.5 kB; base64, quoted-printable; in one mail of eight a picture of 24 kB. A forwarded attachment has two such
headers, so that its page is 16 kB; newsletters have more words and links than those pages had.
"""

from __future__ import annotations

import base64
import quopri
import random
from functools import cache

MAILINGS = 20
WORDS = (
    "spring", "sale", "garden", "kettle", "shipping", "member", "order", "blue", "linen", "offer", "lamp", "today",
    "travel", "small", "brush", "cotton", "price", "weekend", "gift", "stock", "new", "return", "coat", "silver",
    "winter", "box", "choice", "delivery", "extra", "warm", "light", "piece", "season",
)  # fmt: skip
_SYLLABLES = ["ba", "den", "fo", "gar", "kin", "lam", "mer", "nor", "pel", "ros", "sil", "tor", "ul", "ven", "wick"]
_LEXICON = [first + second + third for first in _SYLLABLES for second in _SYLLABLES for third in _SYLLABLES]
_OWN_WORDS = 120
"""Words that a shop has beside those that all shops have."""
_ROWS = 10
_PICTURE_BYTES = 17_500
_RULE = ".c{0}{{font-family:Arial,sans-serif;font-size:{1}px;padding:{2}px;color:#{0:06x}}}"
_STYLE = "\n".join(_RULE.format(number, 10 + number % 9, number % 7) for number in range(0, 67_500, 1_500))
_CELL = "font-family:Arial,Helvetica,sans-serif;"
_PICTURE = """<td class="c{0}" style="padding:4px 8px" width="140"><a href="{link}&amp;at=picture" target="_blank"><img
 src="https://{host}/{shelf}/{0}.png" width="120" height="80" alt="{title}" border="0" style="display:block"></a></td>
"""
_TITLE = """<td style="{cell}font-size:18px"><a
 href="{link}" style="text-decoration:none;color:#111111"><b>{title}</b></a></td>"""
_TOLD = """<td style="{cell}padding:6px 0 6px 0"><p>{sentence}<br><span class="c{0}">{price} now</span></p></td>"""
_BUTTON = """<td align="left" bgcolor="#0a5c36" style="border-radius:4px"><a href="{link}&amp;at=button"
 style="color:#ffffff">Buy&nbsp;now</a></td>"""
_BOXES = ("<div>{}</div>", "<p>{}</p>", "<center>{}</center>", "<strong>{}</strong>", "{}<hr>", "<h2>{}</h2>", "{}")
_PAGE = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<style type="text/css">
{style}
</style></head><body bgcolor="#f4f4f4" style="margin:0"><center>
<table border="0" cellpadding="0" cellspacing="0" width="600"><tbody>
{rows}</tbody></table>
<p style="font-size:11px;color:#888888">You get this because you bought from us. <a
 href="https://{host}/unsubscribe?c={token}">Unsubscribe</a> | <a href="https://{host}/terms">Terms</a></p>
<img src="https://{host}/open.gif?c={token}" width="1" height="1" alt=""></center></body></html>
"""
_HOP = """Received: from {by}{0}.{host} (2001:db8:{0}:1::{1:x}) by
 {by}{2}.{host} (2001:db8:{2}:2::{1:x}) with Microsoft SMTP Server
 (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id
 15.20.{1}.22; Mon, 3 Mar 2025 08:0{0}:{second:02} +0000
"""
_FIRST_HOP = """Received: from out{0}.{host} (out{0}.{host} [192.0.2.{0}])
 by in{0}.mail.example (Postfix) with ESMTPS id {id:010X}
 for <someone@mail.example>; Mon, 3 Mar 2025 08:00:{second:02} +0000 (UTC)
"""
_TRACE = """{hops}Return-Path: <bounce-{id:010x}@{host}>
ARC-Seal: i=1; a=rsa-sha256; s=s1; d=mail.example; cv=none;
 b={seal}
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example;
 s=s1;
 h=From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-Exchange-AntiSpam-ChunkCount;
 bh={body};
 b={seal}
ARC-Authentication-Results: i=1; mail.example; spf=pass (sender ip is 192.0.2.7)
 smtp.rcpttodomain=mail.example smtp.mailfrom={host}; dmarc=pass (p=none
 sp=none pct=100) action=none header.from={host}; dkim=pass (signature was verified)
 header.d={host}; arc=none (0)
Authentication-Results: spf=pass (sender IP is 192.0.2.7)
 smtp.mailfrom={host}; dkim=pass (signature was verified)
 header.d={host};dmarc=pass action=none header.from={host};compauth=pass reason=100
Received-SPF: Pass (protection.mail.example: domain of {host} designates 192.0.2.7
 as permitted sender) receiver=protection.mail.example; client-ip=192.0.2.7;
 helo=out1.{host}; pr=C
DKIM-Signature: v=1; {signed}
DKIM-Signature: v=1; {signed}
{opinions}"""
_SIGNED = "a=rsa-sha256; c=relaxed/relaxed; d={host}; s=s1; h=from:to:subject:date:message-id;\n bh={body};\n b={seal}"
_OPINIONS = (
    "X-IncomingTopHeaderMarker: OriginalChecksum:{hex};UpperCasedChecksum:{hex};SizeAsReceived:9410;Count:51",
    "X-MS-Exchange-Organization-ExpirationStartTime: 03 Mar 2025 08:00:00.1234 (UTC)",
    "X-MS-Exchange-Organization-ExpirationStartTimeReason: OriginalSubmit",
    "X-MS-Exchange-Organization-ExpirationInterval: 1:00:00:00.0000000",
    "X-MS-Exchange-Organization-ExpirationIntervalReason: OriginalSubmit",
    "X-MS-Exchange-Organization-Network-Message-Id: {hex}",
    "X-EOPAttributedMessage: 0",
    "X-EOPTenantAttributedMessage: {hex}:0",
    "X-MS-Exchange-Organization-MessageDirectionality: Incoming",
    "X-MS-PublicTrafficType: Email",
    "X-MS-TrafficTypeDiagnostic: MX1:EE_|MX2:EE_",
    "X-MS-Exchange-Organization-AuthSource: MX1.mail.example",
    "X-MS-Exchange-Organization-AuthAs: Anonymous",
    "X-MS-UserLastLogonTime: 3/3/2025 7:50:04 AM",
    "X-MS-Office365-Filtering-Correlation-Id: {hex}",
    "X-MS-Exchange-EOPDirect: true",
    "X-Sender-IP: 192.0.2.7",
    "X-SID-PRA: DEALS@SHOP.EXAMPLE",
    "X-SID-Result: PASS",
    "X-MS-Exchange-Organization-PCL: 2",
    "X-MS-Exchange-Organization-SCL: 1",
    "X-Microsoft-Antispam: BCL:4;",
    "X-OriginatorOrg: mail.example",
    "X-MS-Exchange-CrossTenant-OriginalArrivalTime: 03 Mar 2025 08:00:00.0609 (UTC)",
    "X-MS-Exchange-CrossTenant-Network-Message-Id: {hex}",
    "X-MS-Exchange-CrossTenant-Id: {hex}",
    "X-MS-Exchange-CrossTenant-RMS-PersistedConsumerOrg: {hex}",
    "X-MS-Exchange-CrossTenant-AuthSource: MX1.mail.example",
    "X-MS-Exchange-CrossTenant-AuthAs: Anonymous",
    "X-MS-Exchange-CrossTenant-FromEntityHeader: Internet",
    "X-MS-Exchange-Transport-CrossTenantHeadersStamped: MX2",
    "X-MS-Exchange-Transport-EndToEndLatency: 00:00:02.1953",
    "X-MS-Exchange-Processed-By-BccFoldering: 15.20.8489.021",
    "X-Message-Delivery: Vj0xLjE7dXM9MDtsPTA7YT0wO0Q9MTtHRD0xO1NDTD0x",
    "X-Microsoft-Antispam-Mailbox-Delivery: ucf:0;jmr:0;auth:0;dest:I;ENG:(5062000305)(920221119095)(90000117);",
    "X-Microsoft-Antispam-Message-Info: {info}",
)
_FOR_LISTS = """List-Unsubscribe: <https://{host}/unsubscribe?c={token}>, <mailto:leave-{token}@{host}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: {token}:shop
Reply-To: {name} <care@{host}>
"""
_HEAD = """{trace}From: {name} <{sender}>
To: {to}
Date: {date}
Message-ID: <{id}>
Subject: {subject}
MIME-Version: 1.0
"""
_GMAIL = """<div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>
From: <strong>{name}</strong> &lt;<a href="mailto:{sender}">{sender}</a>&gt;<br>Date: Mon, 3 Mar 2025 at 08:00<br>
Subject: {subject}<br>To: &lt;{to}&gt;<br></div><br>{html}</div>"""
_GMAIL_TEXT = """---------- Forwarded message ---------
From: {name} <{sender}>
Date: Mon, 3 Mar 2025 at 08:00
Subject: {subject}
To: <{to}>

{text}"""
_OUTLOOK = """<div id="divRplyFwdMsg"><b>From:</b> {name} &lt;{sender}&gt;<br>
<b>Sent:</b> Monday, March 3, 2025 8:00 AM<br>
<b>To:</b> {to}<br><b>Subject:</b> {subject}</div>{html}"""
_OUTLOOK_TEXT = """From: {name} <{sender}>
Sent: Monday, March 3, 2025 8:00 AM
To: {to}
Subject: {subject}

{text}"""
_PART = "--alt\nContent-Type: text/{0}; charset=utf-8\nContent-Transfer-Encoding: {1}\n\n"
_MIXED = 'Content-Type: multipart/mixed; boundary="mix"\n\n'
_WORDS_PART = "--mix\nContent-Type: text/plain\n\nI never gave them my address.\n"
_MESSAGE_PART = "--mix\nContent-Type: message/rfc822\n\n"
_PICTURE_PART = """--mix
Content-Type: image/png; name="shot.png"
Content-Disposition: attachment; filename="shot.png"
Content-Transfer-Encoding: base64

"""


def message(seed: int) -> bytes:
    """One complaint; each seed another customer."""
    chance = random.Random(seed)
    mailing = chance.randrange(MAILINGS)
    html, text = _newsletter(chance, mailing)
    host, to = f"shop{mailing}.example", f"kim{seed}@customer.example"
    shown = {
        "name": f"{WORDS[mailing]} shop".title(),
        "sender": f"deals@{host}",
        "to": to,
        "subject": f"A {WORDS[mailing]} offer for members",
    }
    outer = _HEAD.format(
        trace=_trace(chance, "customer.example"), name=f"Kim {seed}", sender=to, to="report-abuse@market.example",
        date=f"Tue, 4 Mar 2025 10:{seed % 60:02}:00 +0000", id=f"{seed}@customer.example",
        subject=f"Fwd: {shown['subject']}",
    )  # fmt: skip
    kind = seed % 4
    if kind < 2:
        lists = _FOR_LISTS.format(host=host, token=f"{chance.getrandbits(64):016x}", name=shown["name"])
        inner = _HEAD.format(
            trace=_trace(chance, host) + lists,
            date="Mon, 3 Mar 2025 08:00:00 +0000",
            id=f"n{seed}@{host}",
            **shown,
        )
        attached = _crlf(inner) + _alternative(text, html, ("base64", "quoted-printable")[kind])
        return _crlf(outer + _MIXED + _WORDS_PART + _MESSAGE_PART) + attached + b"--mix--\r\n"
    page, plain, encoding = ((_GMAIL, _GMAIL_TEXT, "quoted-printable"), (_OUTLOOK, _OUTLOOK_TEXT, "base64"))[kind - 2]
    forward = _alternative(plain.format(text=text, **shown), page.format(html=html, **shown), encoding)
    if seed % 8 != 7:
        return _crlf(outer) + forward
    picture = base64.encodebytes(chance.randbytes(_PICTURE_BYTES)).decode()
    return _crlf(outer + _MIXED + "--mix\n") + forward + _crlf(_PICTURE_PART + picture + "--mix--\n")


def _newsletter(chance: random.Random, mailing: int) -> tuple[str, str]:
    """(HTML, text) of one copy of a mailing."""
    host = f"www.shop{mailing}.example"
    row, rows, lines = _row(mailing), [], []
    for number, (title, sentence, price) in enumerate(_products(mailing)):
        told = f"{sentence} {chance.choice(WORDS)}."
        link = f"https://{host}/p/{number}?c={chance.getrandbits(64):016x}"
        rows.append(
            row.format(
                number * 1500, link=link, host=host, shelf=WORDS[mailing], sentence=told, title=title, price=price,
                cell=_CELL,
            )
        )  # fmt: skip
        lines.append(f"{title}\n{told} {price}\n{link}\n")
    page = _PAGE.format(style=_STYLE, rows="".join(rows), host=host, token=f"{chance.getrandbits(64):016x}")
    return page, "\n".join(lines)


@cache
def _row(mailing: int) -> str:
    """How a mailing shows one product: each is built from a template of its own."""
    own = random.Random(f"template {mailing}")
    lines = [_TITLE, _TOLD, _BUTTON]
    own.shuffle(lines)
    boxed = [line.replace("<a", "<span><a", 1) for line in lines] if own.random() < 0.5 else lines
    inner = "".join(f"<tr>{line}</tr>\n" for line in boxed)
    table = f'<table border="0" cellpadding="0" cellspacing="0" width="{own.randrange(300, 460, 20)}"><tbody>{inner}'
    told = (
        f'<td style="{{cell}}font-size:14px" valign="top">{own.choice(_BOXES).format(table + "</tbody></table>")}</td>'
    )
    cells = [_PICTURE, told]
    own.shuffle(cells)
    return f"<tr>\n{''.join(cells)}</tr>\n"


@cache
def _products(mailing: int) -> list[tuple[str, str, str]]:
    """(title, what is said of it, price) of what a mailing offers."""
    own = random.Random(f"mailing {mailing}")
    words = [*WORDS, *own.sample(_LEXICON, _OWN_WORDS)]
    return [
        (
            " ".join(own.choice(words) for _ in range(3)).title(),
            " ".join(own.choice(words) for _ in range(17)),
            f"{own.randrange(5, 90)}.99",
        )
        for _ in range(_ROWS)
    ]


def _trace(chance: random.Random, host: str) -> str:
    """Header fields as mail servers put them above a message: hops, checks, seals, and what they think of it."""
    seal = "\n ".join(_wrapped(chance.randbytes(256)))
    body = base64.b64encode(chance.randbytes(32)).decode()
    hops = [
        _HOP.format(number, chance.randrange(8000, 8999), number + 1, host="prod.mail.example", by="mx",
                    second=chance.randrange(60))
        for number in range(4, 0, -1)
    ]  # fmt: skip
    hops.append(_FIRST_HOP.format(1, host=host, id=chance.getrandbits(40), second=chance.randrange(60)))
    info = "\n ".join(_wrapped(chance.randbytes(2_200)))
    return _TRACE.format(
        id=chance.getrandbits(40),
        host=host,
        hops="".join(hops),
        signed=_SIGNED.format(host=host, body=body, seal=seal),
        seal=seal,
        body=body,
        opinions="".join(f"{one.format(hex=chance.randbytes(16).hex(), info=info)}\n" for one in _OPINIONS),
    )


def _wrapped(content: bytes) -> list[str]:
    letters = base64.b64encode(content).decode()
    return [letters[at : at + 70] for at in range(0, len(letters), 70)]


def _alternative(text: str, html: str, encoding: str) -> bytes:
    encode = base64.encodebytes if encoding == "base64" else quopri.encodestring
    parts = [
        _PART.format(kind, encoding) + encode(content.encode()).decode() + "\n"
        for kind, content in (("plain", text), ("html", html))
    ]
    return _crlf('Content-Type: multipart/alternative; boundary="alt"\n\n' + "".join(parts) + "--alt--\n")


def _crlf(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n")
