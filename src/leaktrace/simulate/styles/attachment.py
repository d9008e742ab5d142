"""Forward as attachment: the letter whole, as message/rfc822, the way Thunderbird, Outlook and Apple Mail attach it."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np

from leaktrace.simulate.envelope import Complaint, opening_headers
from leaktrace.simulate.letters import as_received
from leaktrace.simulate.mime import Encoding, embedded, entity, multipart, token, uuid


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The complaint with the letter attached."""
    original = as_received(rng, complaint.letter)
    return (_thunderbird, _outlook, _apple)[int(rng.integers(0, 3))](rng, complaint, original)


def _thunderbird(rng: np.random.Generator, complaint: Complaint, original: bytes) -> bytes:
    message_id = f"{uuid(rng).lower()}@{_host(complaint)}"
    headers = [
        *opening_headers(rng, complaint, complaint.subject, message_id),
        ("User-Agent", "Mozilla Thunderbird"),
        ("Content-Language", "en-US"),
    ]
    encoding: Encoding = "7bit" if complaint.note.isascii() else "8bit"
    part = embedded(original, kind=f"message/rfc822; charset=UTF-8;\n name={_file_name(complaint)}")
    disposition = f"Content-Disposition: attachment;\n filename{_extended_name(complaint)}\n".encode()
    return multipart(
        headers,
        "mixed",
        "-" * 12 + token(rng, 24),
        [entity([], complaint.note, encoding=encoding), disposition + part],
    )


def _outlook(rng: np.random.Generator, complaint: Complaint, original: bytes) -> bytes:
    message_id = f"{token(rng, 36).upper()}@{token(rng, 14).upper()}.prod.{_host(complaint)}"
    headers = [
        *opening_headers(rng, complaint, complaint.subject, message_id),
        ("Accept-Language", "en-US"),
        ("X-MS-Has-Attach", "yes"),
    ]
    boundary = f"_004_{token(rng, 30).upper()}_"
    return multipart(
        headers, "mixed", boundary, [entity([], complaint.note, encoding="base64"), embedded(original, name="mail.eml")]
    )


def _apple(rng: np.random.Generator, complaint: Complaint, original: bytes) -> bytes:
    headers = [
        *opening_headers(rng, complaint, complaint.subject, f"{uuid(rng)}@{_host(complaint)}"),
        ("X-Mailer", "Apple Mail (2.3826.500.181.1.5)"),
    ]
    note = entity([], complaint.note, encoding="quoted-printable")
    return multipart(
        headers, "mixed", f"Apple-Mail=_{uuid(rng)}", [note, embedded(original, name="Forwarded message.eml")]
    )


def _host(complaint: Complaint) -> str:
    return complaint.from_address.rpartition("@")[2]


def _file_name(complaint: Complaint) -> str:
    subject = complaint.letter.subject
    return f'"{subject}.eml"' if subject.isascii() and '"' not in subject else '"forwarded.eml"'


def _extended_name(complaint: Complaint) -> str:
    """The file's name as parameter value, RFC 2231 where it is not ASCII."""
    if complaint.letter.subject.isascii():
        return f"={_file_name(complaint)}"
    return f"*=UTF-8''{quote(complaint.letter.subject[:20], safe='')}.eml"
