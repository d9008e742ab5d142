"""Messages for tests, written the way mail clients and mail systems write them."""

from __future__ import annotations

import base64
import quopri
from html import escape

SELLER = "Nora Vale <nora@vale-shop.example>"
CUSTOMER = "Cleo Marsh <cleo@mail.example>"
SUBJECT = "Half price for you, Cleo"
BODY = (
    "Dear Cleo,\n\nwe saw your order and can offer it directly at half the price: https://vale-shop.example/c?id=77\n"
)


def message(body: str | bytes, *, headers: str = "", subject: str = "Hello", content_type: str = "text/plain") -> bytes:
    """A complaint from Cleo to the abuse mailbox, UTF-8, CRLF."""
    content = body.encode() if isinstance(body, str) else body
    head = (
        f"From: {CUSTOMER}\nTo: report-abuse@market.example\nSubject: {subject}\n"
        f"Date: Tue, 05 Mar 2024 10:00:00 +0100\nMessage-ID: <m1@mail.example>\nMIME-Version: 1.0\n"
        f"Content-Type: {content_type}; charset=utf-8\n{headers}\n"
    )
    return head.replace("\n", "\r\n").encode() + content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def multipart(
    *parts: str | bytes, subtype: str = "mixed", parameters: str = "", headers: str = "", **named: str
) -> bytes:
    """A complaint of several parts, each given with its own header."""
    content = b""
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        content += b"--=b1\n" + raw.replace(b"\r\n", b"\n") + b"\n"
    kind = f'multipart/{subtype}{parameters}; boundary="=b1"'
    return message(content + b"--=b1--\n", content_type=kind, headers=headers, **named)


def original(extra: str = "", body: str = BODY) -> bytes:
    """The unwanted mail itself."""
    return (
        f"{extra}From: {SELLER}\nTo: {CUSTOMER}\nCc: copy@mail.example\nSubject: {SUBJECT}\n"
        "Date: Mon, 04 Mar 2024 09:30:00 +0000\nMessage-ID: <offer-1@vale-shop.example>\n"
        f"Reply-To: sales@vale-shop.example\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    ).encode()


def attached(inner: bytes, content_type: str = "message/rfc822", headers: str = "") -> bytes:
    """An attachment part."""
    return f"Content-Type: {content_type}\n{headers}\n".encode() + inner


def encoded_html(html: str, encoding: str) -> bytes:
    """An HTML part in a transfer encoding."""
    content = html.encode()
    body = base64.encodebytes(content) if encoding == "base64" else quopri.encodestring(content)
    return f"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body


def gmail_text(sender: str = SELLER, label: str = "From") -> str:
    return (
        f"please look\n\n---------- Forwarded message ---------\n{label}: {sender}\nDate: Mon, Mar 4, 2024 at 9:30 AM\n"
        f"Subject: {SUBJECT}\nTo: <cleo@mail.example>\n\n\n{BODY}"
    )


def gmail_html(sender_name: str = "Nora Vale", address: str = "nora@vale-shop.example", note: str = "") -> str:
    link = f'<a href="mailto:{address}">{address}</a>'
    return (
        f'<div dir="ltr">{note}<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded '
        f'message ---------<br>From: <strong class="gmail_sendername" dir="auto">{escape(sender_name)}</strong> '
        f'<span dir="auto">&lt;{link}&gt;</span><br>Date: Mon, Mar 4, 2024 at 9:30&#8239;AM<br>'
        f"Subject: {escape(SUBJECT)}"
        '<br>To: Cleo Marsh &lt;<a href="mailto:cleo@mail.example">cleo@mail.example</a>&gt;<br></div><br><br>'
        '<p>Dear Cleo, come to <a href="https://vale-shop.example/c?id=77&amp;x=1">our shop</a></p></div></div>'
    )


def outlook_html(sender: str = SELLER) -> str:
    return (
        '<html><head><style>p{margin:0}</style></head><body><div>see below</div><hr style="width:98%" tabindex="-1">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font><b>From:</b> {escape(sender)}<br><b>Sent:</b> Monday, March 4, 2024 '
        f"9:30 AM<br><b>To:</b> Cleo Marsh &lt;cleo@mail.example&gt;; Bo Lee &lt;bo@mail.example&gt;<br>"
        f"<b>Subject:</b> "
        f"{escape(SUBJECT)}</font><div>&nbsp;</div></div><p>Dear Cleo</p></body></html>"
    )


def apple_html(sender: str = SELLER) -> str:
    def line(label: str, value: str) -> str:
        return f'<div style="margin:0"><span><b>{label}: </b></span><span>{escape(value)}<br></span></div>'

    return (
        '<html><body>spam again<br><div><br><blockquote type="cite"><div>Begin forwarded message:</div><br>'
        + line("From", sender)
        + line("Subject", SUBJECT)
        + line("Date", "4 March 2024 at 09:30:12 GMT")
        + line("To", "cleo@mail.example")
        + "<br><div>Dear Cleo</div></blockquote></div></body></html>"
    )


def thunderbird_html(sender: str = SELLER) -> str:
    rows = "".join(
        f'<tr><th valign="BASELINE" align="RIGHT">{label}: </th><td>{escape(value)}</td></tr>\n'
        for label, value in (
            ("Betreff", SUBJECT),
            ("Datum", "Mon, 4 Mar 2024 09:30:00 +0000"),
            ("Von", sender),
            ("An", "cleo@mail.example"),
        )
    )
    return (
        '<html><body><p>bitte</p><div class="moz-forward-container">-------- Weitergeleitete Nachricht --------'
        f'<table class="moz-email-headers-table"><tbody>{rows}</tbody></table><br>Dear Cleo</div></body></html>'
    )


def yahoo_html(sender: str = SELLER) -> str:
    return (
        '<div>no thanks</div><div id="ydp1yahoo_quoted_1" class="yahoo_quoted"><div>----- Forwarded Message -----</div>'
        f'<div><b>From:</b> {escape(sender)}</div><div><b>To:</b> "cleo@mail.example" &lt;cleo@mail.example&gt;</div>'
        f"<div><b>Sent:</b> Monday, March 4, 2024, 09:30:00 AM GMT</div><div><b>Subject:</b> {escape(SUBJECT)}</div>"
        "<div><br></div><div>Dear Cleo</div></div>"
    )


LABELLED = {
    # language: (marker, from, date label, date, to, subject)
    "fa": ("پیام هدایت‌شده", "از", "تاریخ", "دوشنبه ۱۴ اسفند ۱۴۰۲، ساعت ۹:۳۰", "به", "موضوع"),
    "zh": ("转发的邮件", "发件人", "发送时间", "2024年3月4日 上午9:30", "收件人", "主题"),
    "de": ("Weitergeleitete Nachricht", "Von", "Gesendet", "Montag, 4. März 2024 09:30", "An", "Betreff"),
    "fr": ("Message transféré", "De ", "Envoyé ", "lundi 4 mars 2024 09:30", "À ", "Objet "),
    "ja": ("転送メッセージ", "差出人", "送信日時", "2024年3月4日 9:30", "宛先", "件名"),
    "ko": ("전달된 메시지", "보낸 사람", "보낸 날짜", "2024년 3월 4일 월요일 오전 9:30", "받는 사람", "제목"),
    "ar": ("رسالة معاد توجيهها", "من", "التاريخ", "4 مارس 2024 9:30", "إلى", "الموضوع"),
    "he": ("הודעה שהועברה", "מאת", "נשלח", "4 במרץ 2024 9:30", "אל", "נושא"),
    "el": ("Προωθημένο μήνυμα", "Από", "Ημερομηνία", "4 Μαρτίου 2024 9:30", "Προς", "Θέμα"),
}


def labelled_text(language: str, *, marker: bool) -> str:
    """A text forward in one language, with a line that says so or only a line of underscores."""
    words = LABELLED[language]
    opening = f"---------- {words[0]} ---------" if marker else "_" * 32
    block = f"{words[1]}: {SELLER}\n{words[2]}: {words[3]}\n{words[4]}: {CUSTOMER}\n{words[5]}: {SUBJECT}"
    return f"!\n\n{opening}\n{block}\n\n{BODY}"
