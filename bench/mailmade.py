"""Complaints of about 50 kB, made from a seed: newsletters as shops send them, forwarded by four kinds of client."""

from __future__ import annotations

import base64
import quopri
import random

MAILINGS = 20
WORDS = (
    "spring", "sale", "garden", "kettle", "shipping", "member", "order", "blue", "linen", "offer", "lamp", "today",
    "travel", "small", "brush", "cotton", "price", "weekend", "gift", "stock", "new", "return", "coat", "silver",
    "winter", "box", "choice", "delivery", "extra", "warm", "light", "piece", "season",
)  # fmt: skip
_RULE = ".c{0}{{font-family:Arial,sans-serif;font-size:{1}px;padding:{2}px;color:#{0:06x}}}"
_STYLE = "\n".join(_RULE.format(number, 10 + number % 9, number % 7) for number in range(0, 90_000, 1_500))
_ROW = """<tr><td class="c{0}" style="padding:4px 8px"><a href="{link}"><img src="https://{host}/{shelf}/{0}.png"
 width="120" height="80" alt=""></a></td><td>{sentence}</td></tr>"""
_HOP = """Received: from mx{0}.{host} (mx{0}.{host} [192.0.2.{0}])
 by in{0}.mail.example (Postfix) with ESMTPS id {id:010X}
 for <someone@mail.example>; Mon, 3 Mar 2025 08:0{0}:{second:02} +0000 (UTC)
"""
_TRACE = """Return-Path: <bounce-{id:010x}@{host}>
{hops}Authentication-Results: mail.example; dkim=pass header.d={host};
 spf=pass smtp.mailfrom={host}; dmarc=pass header.from={host}
DKIM-Signature: v=1; {signed}
ARC-Seal: i=1; cv=none; a=rsa-sha256; d=mail.example; s=s1; t=1; b={seal}
ARC-Message-Signature: i=1; {signed}
ARC-Authentication-Results: i=1; mail.example; dkim=pass header.d={host}
{opinions}"""
_SIGNED = "a=rsa-sha256; c=relaxed/relaxed; d={host}; s=s1; h=from:to:subject:date:message-id;\n bh={body}; b={seal}"
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
_MIXED = """Content-Type: multipart/mixed; boundary="mix"

--mix
Content-Type: text/plain

I never gave them my address.
--mix
Content-Type: message/rfc822

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
        inner = _HEAD.format(
            trace=_trace(chance, host),
            date="Mon, 3 Mar 2025 08:00:00 +0000",
            id=f"n{seed}@{host}",
            **shown,
        )
        attached = _alternative(text, html, inner, ("base64", "quoted-printable")[kind])
        return _crlf(outer + _MIXED) + attached + b"--mix--\r\n"
    page, plain, encoding = ((_GMAIL, _GMAIL_TEXT, "quoted-printable"), (_OUTLOOK, _OUTLOOK_TEXT, "base64"))[kind - 2]
    return _alternative(plain.format(text=text, **shown), page.format(html=html, **shown), outer, encoding)


def _newsletter(chance: random.Random, mailing: int) -> tuple[str, str]:
    """(HTML, text) of one copy of a mailing."""
    own = random.Random(f"mailing {mailing}")
    host = f"www.shop{mailing}.example"
    rows, lines = [], []
    for number in range(60):
        sentence = " ".join(own.choice(WORDS) for _ in range(18)) + f" {chance.choice(WORDS)}."
        link = f"https://{host}/p/{number}?c={chance.getrandbits(64):016x}"
        rows.append(_ROW.format(number * 1500, link=link, host=host, shelf=WORDS[mailing], sentence=sentence))
        lines.append(f"{sentence}\n{link}\n")
    return f"<style>\n{_STYLE}\n</style><table>{''.join(rows)}</table>", "\n".join(lines)


def _trace(chance: random.Random, host: str) -> str:
    """Header fields as mail servers put them above a message: hops, checks, seals, and what they think of it."""
    letters = base64.b64encode(chance.randbytes(256)).decode()
    seal = "\n ".join(letters[at : at + 70] for at in range(0, len(letters), 70))
    body = base64.b64encode(chance.randbytes(32)).decode()
    return _TRACE.format(
        id=chance.getrandbits(40),
        host=host,
        hops="".join(
            _HOP.format(number, host=host, id=chance.getrandbits(40), second=chance.randrange(60))
            for number in range(6, 0, -1)
        ),
        signed=_SIGNED.format(host=host, body=body, seal=seal),
        seal=seal,
        opinions="".join(f"X-Report-{number}: {chance.randbytes(90).hex()}\n" for number in range(12)),
    )


def _alternative(text: str, html: str, head: str, encoding: str) -> bytes:
    encode = base64.encodebytes if encoding == "base64" else quopri.encodestring
    parts = [
        _PART.format(kind, encoding) + encode(content.encode()).decode() + "\n"
        for kind, content in (("plain", text), ("html", html))
    ]
    return _crlf(head + 'Content-Type: multipart/alternative; boundary="alt"\n\n' + "".join(parts) + "--alt--\n")


def _crlf(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n")
