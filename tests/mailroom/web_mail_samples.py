# ruff: noqa: E501 - markup as programs write it
"""Forwards as web mailers and mobile programs lay them out, each with Nora's offer to Cleo inside."""

from __future__ import annotations

from tests.mailroom.mail_samples import SUBJECT

_SENDER = "Nora Vale &lt;nora@vale-shop.example&gt;"

WEB_FORWARDS: dict[str, tuple[str, str]] = {
    "ProtonMail": (
        "html",
        '<div style="font-family: Arial">spam<br></div><div class="protonmail_quote">------- Forwarded Message -------'
        f"<br>From: {_SENDER}<br>Date: On Monday, March 4th, 2024 at 9:30 AM<br>Subject: {SUBJECT}<br>To: cleo@mail.example"
        ' &lt;cleo@mail.example&gt;<br><br><blockquote class="protonmail_quote" type="cite">Dear Cleo</blockquote></div>',
    ),
    "Zoho": (
        "html",
        '<div>fyi<br><div class="zmail_extra"><div id="Zm-_Id_-Sgn1">============ Forwarded message ============<br>From: Nora '
        "Vale&lt;nora@vale-shop.example&gt;<br>To: &lt;cleo@mail.example&gt;<br>Date: Mon, 04 Mar 2024 09:30:00 +0000<br>"
        f"Subject: {SUBJECT}<br>============ Forwarded message ============</div><br><blockquote>Dear</blockquote></div></div>",
    ),
    "GMX and web.de": (
        "html",
        '<html><body><div>x</div><div name="quote" style="margin:10px 5px"><div><b>Gesendet:</b>&nbsp;Montag, 04. M&auml;rz '
        "2024 um 09:30 Uhr<br/><b>Von:</b>&nbsp;&quot;Nora Vale&quot; &lt;nora@vale-shop.example&gt;<br/><b>An:</b>&nbsp;"
        f'cleo@mail.example<br/><b>Betreff:</b>&nbsp;{SUBJECT}</div><div name="quoted-content">Hi</div></div></body></html>',
    ),
    "QQ": (
        "html",
        '<div>x</div><div>------------------&nbsp;原始邮件&nbsp;------------------</div><div style="background:#efefef"><div><b>'
        '发件人:</b>&nbsp;"Nora Vale"&lt;nora@vale-shop.example&gt;;</div><div><b>发送时间:</b>&nbsp;2024年3月4日(星期一) 上午9:30'
        '</div><div><b>收件人:</b>&nbsp;"cleo"&lt;cleo@mail.example&gt;;<wbr></div><div></div><div><b>主题:</b>&nbsp;'
        f"{SUBJECT}</div></div><div>Dear</div>",
    ),
    "163": (
        "html",
        '<div>看看<br><br><div>-------- 转发邮件信息 --------<br>发件人："Nora Vale" &lt;nora@vale-shop.example&gt;<br>'
        f"发送日期：2024-03-04 09:30:00<br>收件人：cleo@mail.example<br>主题：{SUBJECT}</div><div>Dear</div></div>",
    ),
    "163, table": (
        "html",
        "<div>---- 转发的邮件 ----</div><table><tbody><tr><td>发件人</td><td>Nora Vale&lt;nora@vale-shop.example&gt;</td></tr>"
        "<tr><td>发送日期</td><td>2024年03月04日 09:30</td></tr><tr><td>收件人</td><td>cleo@mail.example</td></tr><tr><td>主题"
        f"</td><td>{SUBJECT}</td></tr></tbody></table>Dear",
    ),
    "Naver": (
        "html",
        f'<div><p>스팸</p><p>-----Original Message-----<br><b>From:</b> "Nora Vale"&lt;nora@vale-shop.example&gt; <br><b>To:</b> '
        "&lt;cleo@mail.example&gt;; <br><b>Cc:</b> <br><b>Sent:</b> 2024-03-04 (월) 09:30:00 (GMT+09:00)<br><b>Subject:</b> "
        f"{SUBJECT}<br></p></div>",
    ),
    "Yandex": (
        "html",
        '<div>вот</div><div>-------- Пересылаемое сообщение --------</div><div>04.03.2024, 09:30, "Nora Vale" &lt;nora@vale-shop'
        ".example&gt;:</div><div>Кому: cleo@mail.example (cleo@mail.example)</div><blockquote><div>Dear</div></blockquote>"
        "<div>-------- Конец пересылаемого сообщения --------</div>",
    ),
    "Mail.ru": (
        "html",
        f"<HTML><BODY>спам<br><blockquote>-------- Пересылаемое сообщение --------<br>От кого: {_SENDER}<br>Кому: cleo@mail."
        f"example<br>Дата: Понедельник, 4 марта 2024, 9:30 +03:00<br>Тема: {SUBJECT}<br><br>Dear</blockquote></BODY></HTML>",
    ),
    "Outlook mobile": (
        "html",
        '<html><body><div class="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div><hr>'
        f'<div id="divRplyFwdMsg" dir="ltr"><b>From:</b> {_SENDER}<br><b>Sent:</b> Monday, March 4, 2024 9:30:00 AM<br>'
        f"<b>To:</b> Cleo &lt;cleo@mail.example&gt;<br><b>Subject:</b> {SUBJECT}<div>&nbsp;</div></div>Dear</body></html>",
    ),
    "new Outlook, German": (
        "html",
        '<html><body><div class="elementToProof">hi</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><span><b>Von:'
        f"</b>&nbsp;{_SENDER}<br><b>Gesendet:</b>&nbsp;Montag, 4. M&auml;rz 2024 09:30<br><b>An:</b>&nbsp;Cleo &lt;cleo@mail."
        f"example&gt;<br><b>Betreff:</b>&nbsp;{SUBJECT}</span><div>&nbsp;</div></div></body></html>",
    ),
    "Outlook, Word": (
        "html",
        "<div><p class=MsoNormal>x</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b><span>From:"
        "</span></b><span> Nora Vale [mailto:nora@vale-shop.example] <br><b>Sent:</b> Monday, March 4, 2024 9:30 AM<br><b>To:</b>"
        f" Cleo &lt;cleo@mail.example&gt;<br><b>Subject:</b> {SUBJECT}<o:p></o:p></span></p></div></div>",
    ),
    "Apple Mail on a phone": (
        "plain",
        "spam\n\nSent from my iPhone\n\nBegin forwarded message:\n\n> From: Nora Vale <nora@vale-shop.example>\n> Date: March 4, "
        f"2024 at 9:30:00 AM GMT+1\n> To: cleo@mail.example\n> Subject: {SUBJECT}\n> \n> \ufeff\n> Dear",
    ),
    "Samsung": (
        "plain",
        "\n\nSent from my Galaxy\n\n-------- Original message --------\nFrom: Nora Vale <nora@vale-shop.example> \nDate: "
        f"04/03/2024  09:30  (GMT+01:00) \nTo: cleo@mail.example \nSubject: {SUBJECT} \n\nDear",
    ),
    "Mutt": (
        "plain",
        "----- Forwarded message from Nora Vale <nora@vale-shop.example> -----\n\nDate: Mon, 4 Mar 2024 09:30:00 +0000\nFrom: "
        f"Nora Vale <nora@vale-shop.example>\nTo: cleo@mail.example\nSubject: {SUBJECT}\n\nDear\n\n----- End -----",
    ),
    "Orange": (
        "plain",
        f'vu ?\n\n\n\n> Message du 04/03/24 09:30\n> De : "Nora Vale" <nora@vale-shop.example>\n> A : cleo@mail.example\n> Copie à : '
        f"\n> Objet : {SUBJECT}\n> \n> Dear",
    ),
    "abv.bg": (
        "plain",
        ' >-------- Оригинално писмо --------\n >От: "Nora Vale" nora@vale-shop.example\n >Относно: '
        f"{SUBJECT}\n >До: cleo@mail.example\n >Изпратено на: Понеделник, 2024, Март 4 09:30:00 EET\n \n >Dear",
    ),
    "Notes": (
        "plain",
        "----- Forwarded by Cleo Marsh/MAIL on 03/04/2024 10:00 AM -----\n\nFrom:   Nora Vale <nora@vale-shop.example>\nTo:     "
        f"cleo@mail.example\nDate:   03/04/2024 09:30 AM\nSubject:        {SUBJECT}\n\n\nDear",
    ),
}
"""Program -> kind of text, text."""
