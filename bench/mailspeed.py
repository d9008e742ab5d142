"""How many messages of about 40 kB a second are stored, read and grouped, beside parsers that only parse.

Messages are made from a seed: newsletters of tables, styles and links as shops send them, each forwarded by one of four
kinds of client. `mail-parser` and `mailsuite` get the same bytes in the same run.
"""

from __future__ import annotations

import base64
import quopri
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import leaktrace
from bench.machine import peak_megabytes

COUNT = 1000
MAILINGS = 20
WORDS = (
    "spring sale garden kettle shipping member order blue linen offer lamp today travel small brush cotton price weekend "
    "gift stock new return coat silver winter box choice delivery extra warm light piece season"
).split()
STYLE = "\n".join(
    f".c{number}{{font-family:Arial,sans-serif;font-size:{10 + number % 9}px;padding:{number % 7}px;color:#{number:06x}}}"
    for number in range(0, 90_000, 1_500)
)


def newsletter(chance: random.Random, mailing: int) -> tuple[str, str]:
    """(HTML, text) of one copy of a mailing: about 25 kB of HTML."""
    own = random.Random(f"mailing {mailing}")  # noqa: S311 - not for secrets
    host = f"www.shop{mailing}.example"
    cells, lines = [], []
    for number in range(60):
        sentence = " ".join(own.choice(WORDS) for _ in range(18)) + f" {chance.choice(WORDS)}."
        link = f"https://{host}/p/{number}?c={chance.getrandbits(64):016x}"
        cells.append(
            f'<tr><td class="c{number * 1500}" style="padding:4px 8px"><a href="{link}"><img src="https://{host}/i/{number}.png" '
            f'width="120" height="80" alt=""></a></td><td>{sentence}</td></tr>'
        )
        lines.append(f"{sentence}\n{link}\n")
    html = f"<style>\n{STYLE}\n</style><table>{''.join(cells)}</table>"
    return html, "\n".join(lines)


def trace(chance: random.Random, host: str) -> str:
    """Header fields as mail servers put them above a message: hops, checks, seals, and what they think of it."""
    hops = "".join(
        f"Received: from mx{number}.{host} (mx{number}.{host} [192.0.2.{number + 10}])\r\n by in{number}.mail.example (Postfix) with ESMTPS id "
        f"{chance.getrandbits(40):010X}\r\n for <someone@mail.example>; Mon, 3 Mar 2025 08:0{number}:{chance.randrange(60):02} +0000 (UTC)\r\n"
        for number in range(6, 0, -1)
    )
    seal = base64.b64encode(chance.randbytes(256)).decode()
    folded = "\r\n ".join(seal[at : at + 70] for at in range(0, len(seal), 70))
    body = base64.b64encode(chance.randbytes(32)).decode()
    signed = f"a=rsa-sha256; c=relaxed/relaxed; d={host}; s=s1; h=from:to:subject:date:message-id; bh={body};\r\n b={folded}\r\n"
    report = "".join(f"X-Report-{number}: {chance.randbytes(90).hex()}\r\n" for number in range(12))
    return (
        f"Return-Path: <bounce-{chance.getrandbits(40):010x}@{host}>\r\n{hops}"
        f"Authentication-Results: mail.example; dkim=pass header.d={host}; spf=pass smtp.mailfrom={host}; dmarc=pass header.from={host}\r\n"
        f"DKIM-Signature: v=1; {signed}ARC-Seal: i=1; cv=none; a=rsa-sha256; d=mail.example; s=s1; t=1;\r\n b={folded}\r\n"
        f"ARC-Message-Signature: i=1; {signed}ARC-Authentication-Results: i=1; mail.example; dkim=pass header.d={host}\r\n{report}"
    )


def message(seed: int) -> bytes:
    """One complaint of about 40 kB."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    mailing = chance.randrange(MAILINGS)
    html, text = newsletter(chance, mailing)
    sender, reader = f"deals@shop{mailing}.example", f"kim{seed}@customer.example"
    subject = f"A {WORDS[mailing]} offer for members"
    head = (
        f"{trace(chance, 'customer.example')}From: Kim {seed} <{reader}>\r\nTo: report-abuse@market.example\r\nDate: Tue, 4 Mar 2025 10:{seed % 60:02}:00 +0000\r\n"
        f"Message-ID: <{seed}@customer.example>\r\nSubject: Fwd: {subject}\r\nMIME-Version: 1.0\r\n"
    ).encode()
    inner = (
        f"{trace(chance, f'shop{mailing}.example')}From: Deals <{sender}>\r\nTo: {reader}\r\nDate: Mon, 3 Mar 2025 08:00:00 +0000\r\nMessage-ID: <n{seed}@shop{mailing}.example>\r\n"
        f"Subject: {subject}\r\nMIME-Version: 1.0\r\n"
    ).encode()
    kind = seed % 4
    if kind == 0:
        return head + _mixed([_alternative(text, html, inner, "base64")])
    if kind == 1:
        return head + _mixed([_alternative(text, html, inner, "quoted-printable")])
    if kind == 2:
        block = (
            f'<div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: '
            f"<strong>Deals</strong> &lt;<a href='mailto:{sender}'>{sender}</a>&gt;<br>Date: Mon, 3 Mar 2025 at 08:00<br>Subject: "
            f"{subject}<br>To: &lt;{reader}&gt;<br></div><br>{html}</div>"
        )
        plain = f"---------- Forwarded message ---------\nFrom: Deals <{sender}>\nDate: Mon, 3 Mar 2025 at 08:00\nSubject: {subject}\nTo: <{reader}>\n\n{text}"
        return _alternative(plain, block, head, "quoted-printable")
    block = (
        f'<div id="divRplyFwdMsg"><b>From:</b> Deals &lt;{sender}&gt;<br><b>Sent:</b> Monday, March 3, 2025 8:00 AM<br>'
        f"<b>To:</b> {reader}<br><b>Subject:</b> {subject}</div>{html}"
    )
    return _alternative(
        f"From: Deals <{sender}>\nSent: Monday, March 3, 2025 8:00 AM\nTo: {reader}\nSubject: {subject}\n\n{text}",
        block,
        head,
        "base64",
    )


def _alternative(text: str, html: str, head: bytes, encoding: str) -> bytes:
    parts = []
    for kind, content in (("plain", text), ("html", html)):
        raw = content.encode()
        coded = base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)
        parts.append(
            f"--alt\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
            + coded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        )
    return (
        head + b'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n' + b"\r\n".join(parts) + b"\r\n--alt--\r\n"
    )


def _mixed(inner: Sequence[bytes]) -> bytes:
    attached = b"".join(b"--mix\r\nContent-Type: message/rfc822\r\n\r\n" + one for one in inner)
    return (
        b'Content-Type: multipart/mixed; boundary="mix"\r\n\r\n--mix\r\nContent-Type: text/plain\r\n\r\nI never gave them my address.\r\n'
        + attached
        + b"--mix--\r\n"
    )


def run(count: int = COUNT) -> str:
    """The table."""
    messages = [message(seed) for seed in range(count)]
    size = sum(map(len, messages)) / count
    with tempfile.TemporaryDirectory() as folder:
        full, reports, campaigns = _full(Path(folder), messages)
    only = _rate(messages, leaktrace.read_mail)
    rows = [
        ("stored, read, remembered and grouped", f"{full:,.0f} msg/s", ">= 150"),
        ("read only (`read_mail`)", f"{only:,.0f} msg/s", ""),
    ]
    import mailparser
    from mailsuite.utils import parse_email

    parser = _rate(messages, mailparser.parse_from_bytes)
    rows += [
        ("mail-parser, which only parses", f"{parser:,.0f} msg/s", ""),
        ("full path over mail-parser", f"{full / parser:.2f}", ">= 0.8"),
    ]
    suite = _rate(messages[: max(50, count // 10)], parse_email)
    rows += [
        ("mailsuite, which only parses", f"{suite:,.0f} msg/s", ""),
        ("full path over mailsuite", f"{full / suite:.1f}", ">= 6"),
    ]
    told = (
        f"{count} messages of {size / 1000:.0f} kB on average, {reports} reports in {campaigns} campaigns ({MAILINGS} mailings); "
        f"one process, peak {peak_megabytes():,.0f} MB.\n\n"
    )
    table = ["| what | measured | bar |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    return told + "\n".join(table)


def _full(folder: Path, messages: Sequence[bytes]) -> tuple[float, int, int]:
    mail = folder / "mail"
    mail.mkdir()
    for number, raw in enumerate(messages):
        (mail / f"{number:06}.eml").write_bytes(raw)
    with leaktrace.create(folder / "ws", environment={"LEAKTRACE_KEY_FILE": str(folder / "ws.key")}) as workspace:
        began = time.perf_counter()
        report = workspace.receive(mail)
        seconds = time.perf_counter() - began
        return len(messages) / seconds, report.report_count, len(workspace.campaigns())


def _rate(messages: Sequence[bytes], read: Callable[[bytes], object]) -> float:
    began = time.perf_counter()
    for raw in messages:
        read(raw)
    return len(messages) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(datetime.now(UTC).isoformat(), run(), sep="\n")
