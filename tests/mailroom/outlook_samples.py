"""Small writers of what Outlook and Exchange attach, made from MS-CFB, MS-OXMSG, MS-OXTNEF and MS-OXRTFCP for tests."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime

Tree = Mapping[str, "bytes | Tree"]
MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SENT_AT = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)
HEADERS = (
    "Received: from out.vale-shop.example by mx.mail.example; Mon, 04 Mar 2024 09:31:00 +0000\r\n"
    "From: Nora Vale <nora@vale-shop.example>\r\nTo: Cleo Marsh <cleo@mail.example>\r\n"
    "Subject: Half price for you, Cleo\r\n"
    "Date: Mon, 04 Mar 2024 09:30:00 +0000\r\nMessage-ID: <offer-1@vale-shop.example>\r\n\r\n"
)
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def compound(tree: Tree) -> bytes:
    """A compound file of 512-byte sectors with these storages and streams."""
    entries: list[dict[str, object]] = [{"name": "Root Entry", "kind": 5, "child": _FREE, "data": b""}]
    _enter(tree, entries, 0)
    mini = b""
    mini_fat: list[int] = []
    big: list[dict[str, object]] = []
    for entry in entries[1:]:
        data = entry["data"]
        assert isinstance(data, bytes)
        if entry["kind"] != 2:
            continue
        if 0 < len(data) < 4096:
            entry["first"] = len(mini_fat)
            count = -(-len(data) // 64)
            mini_fat += [*range(len(mini_fat) + 1, len(mini_fat) + count), _END]
            mini += data.ljust(count * 64, b"\x00")
        elif data:
            big.append(entry)
    sectors: list[bytes] = []
    fat: list[int] = []

    def place(content: bytes) -> int:
        first, count = len(sectors), max(-(-len(content) // 512), 1)
        sectors.extend(content[at * 512 : at * 512 + 512].ljust(512, b"\x00") for at in range(count))
        fat.extend([*range(first + 1, first + count), _END])
        return first

    for entry in big:
        data = entry["data"]
        assert isinstance(data, bytes)
        entry["first"] = place(data)
    entries[0]["first"] = place(mini) if mini else _END
    entries[0]["data"] = mini
    mini_first = place(struct.pack(f"<{len(mini_fat)}I", *mini_fat).ljust(512, b"\xff")) if mini_fat else _END
    directory = place(b"".join(_entry(entry) for entry in entries))
    fat_count = 1
    while fat_count * 128 < len(fat) + fat_count:
        fat_count += 1
    fat_sectors = list(range(len(sectors), len(sectors) + fat_count))
    table = struct.pack(f"<{len(fat) + fat_count}I", *fat, *[_FAT] * fat_count).ljust(fat_count * 512, b"\xff")
    sectors.extend(table[at * 512 : at * 512 + 512] for at in range(fat_count))
    mini_count = max(-(-len(mini_fat) // 128), 1) if mini_fat else 0
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", MAGIC, 0x3E, 3, 0xFFFE, 9, 6, 0, fat_count, directory, 0,
        4096, mini_first, mini_count, _END, 0,
    )  # fmt: skip
    difat = struct.pack("<109I", *(fat_sectors + [_FREE] * 109)[:109])
    return header + difat + b"".join(sectors)


def _enter(tree: Tree, entries: list[dict[str, object]], parent: int) -> None:
    before: int | None = None
    for name in sorted(tree, key=lambda one: (len(one), one.upper())):
        held = tree[name]
        is_stream = isinstance(held, bytes)
        number = len(entries)
        entries.append(
            {"name": name, "kind": 2 if is_stream else 1, "child": _FREE, "data": held if is_stream else b""}
        )
        if before is None:
            entries[parent]["child"] = number
        else:
            entries[before]["right"] = number
        before = number
        if not isinstance(held, bytes):
            _enter(held, entries, number)


def _entry(entry: dict[str, object]) -> bytes:
    name, data = str(entry["name"]), entry["data"]
    assert isinstance(data, bytes)
    encoded = name.encode("utf-16-le") + b"\x00\x00"
    return (
        encoded.ljust(64, b"\x00")
        + struct.pack("<HBBIII", len(encoded), entry["kind"], 1, _FREE, entry.get("right", _FREE), entry["child"])
        + bytes(36)
        + struct.pack("<II4x", entry.get("first", _END), len(data))
    )


def filetime(at: datetime) -> bytes:
    """A time as Windows counts it."""
    return struct.pack("<Q", int((at - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000)


def _stream(tag: int, text: str) -> dict[str, bytes]:
    return {f"__substg1.0_{tag:04X}001F": text.encode("utf-16-le")}


def _fixed(header_bytes: int, *rows: tuple[int, int, bytes]) -> dict[str, bytes]:
    body = b"".join(struct.pack("<HHI", kind, tag, 6) + value.ljust(8, b"\x00") for kind, tag, value in rows)
    return {"__properties_version1.0": bytes(header_bytes) + body}


def msg_tree(
    *,
    headers: str | None = HEADERS,
    sender: str = "nora@vale-shop.example",
    sender_name: str = "Nora Vale",
    agent: str | None = None,
    exchange: bool = False,
    body: str = "Dear Cleo, come to https://vale-shop.example/c?id=77 now",
    html: bytes | None = None,
    rtf: bytes | None = None,
    attachments: tuple[Tree, ...] = (),
    top: bool = True,
) -> dict[str, bytes | Tree]:
    """The streams of a message."""
    tree: dict[str, bytes | Tree] = {}
    kind = "EX" if exchange else "SMTP"
    address = "/O=VALE/OU=EXCHANGE/CN=RECIPIENTS/CN=NORA" if exchange else sender
    tree |= _stream(0x0042, sender_name) | _stream(0x0064, kind) | _stream(0x0065, address)
    tree |= _stream(0x0C1A, sender_name) | _stream(0x0C1E, kind) | _stream(0x0C1F, agent or address)
    tree |= _stream(0x0037, "Half price for you, Cleo") | _stream(0x1035, "<offer-1@vale-shop.example>")
    tree |= _stream(0x1000, body) if body else {}
    tree |= _stream(0x007D, headers) if headers is not None else {}
    tree |= {"__substg1.0_10130102": html} if html is not None else {}
    tree |= {"__substg1.0_10090102": rtf} if rtf is not None else {}
    tree |= _fixed(32 if top else 24, (0x0040, 0x0039, filetime(SENT_AT)), (0x0003, 0x3FDE, struct.pack("<I", 65001)))
    rows = (("Cleo Marsh", "cleo@mail.example", 1), ("Bo", "bo@mail.example", 2))
    for number, (name, email, role) in enumerate(rows):
        row = _stream(0x3001, name) | _stream(0x39FE, email) | _fixed(8, (0x0003, 0x0C15, struct.pack("<I", role)))
        tree[f"__recip_version1.0_#{number:08X}"] = row
    for number, attached in enumerate(attachments):
        tree[f"__attach_version1.0_#{number:08X}"] = attached
    return tree


def embedded(inner: Tree) -> Tree:
    """An attachment that is a message."""
    return {"__substg1.0_3701000D": inner} | _fixed(8, (0x0003, 0x3705, struct.pack("<I", 5)))


def file_attached(name: str, content: bytes) -> Tree:
    """An attachment that is a file."""
    return {"__substg1.0_37010102": content} | _stream(0x3707, name) | _fixed(8, (0x0003, 0x3705, struct.pack("<I", 1)))


def msg(**changes: object) -> bytes:
    """A .msg file."""
    return compound(msg_tree(**changes))  # type: ignore[arg-type]


def packed_rtf(rtf: bytes) -> bytes:
    """RTF in the compressed form, nothing repeated."""
    out = b"".join(b"\x00" + rtf[at : at + 8] for at in range(0, len(rtf), 8))
    return struct.pack("<II4sI", len(out) + 12, len(rtf), b"LZFu", 0) + out


def _property(tag: int, kind: int, value: bytes) -> bytes:
    head = struct.pack("<HH", kind, tag)
    if kind in (0x0003,):
        return head + value
    if kind == 0x0040:
        return head + value
    return head + struct.pack("<II", 1, len(value)) + value.ljust(-(-len(value) // 4) * 4, b"\x00")


def properties(*rows: tuple[int, int, bytes]) -> bytes:
    """MAPI properties as TNEF counts them, a named one among them."""
    named = struct.pack("<HH16sII", 0x0003, 0x8001, bytes(16), 0, 0x8501) + struct.pack("<I", 7)
    return struct.pack("<I", len(rows) + 1) + named + b"".join(_property(*row) for row in rows)


def attribute(level: int, number: int, content: bytes) -> bytes:
    """One attribute with its checksum."""
    return struct.pack("<BII", level, number, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def tnef(*attributes: bytes) -> bytes:
    """A winmail.dat."""
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def text_row(tag: int, text: str) -> tuple[int, int, bytes]:
    """A Unicode property."""
    return tag, 0x001F, text.encode("utf-16-le") + b"\x00\x00"


def tnef_message(*, headers: str | None = HEADERS, body: str = "Dear Cleo", attachments: bytes = b"") -> bytes:
    """The unwanted mail as TNEF."""
    rows = [
        text_row(0x0037, "Half price for you, Cleo"), text_row(0x0042, "Nora Vale"), text_row(0x0064, "SMTP"),
        text_row(0x0065, "nora@vale-shop.example"), text_row(0x1000, body), (0x0039, 0x0040, filetime(SENT_AT)),
    ]  # fmt: skip
    if headers is not None:
        rows.append(text_row(0x007D, headers))
    recipient = properties(
        text_row(0x3001, "Cleo Marsh"), text_row(0x39FE, "cleo@mail.example"), (0x0C15, 0x0003, struct.pack("<I", 1))
    )
    return tnef(
        attribute(1, 0x00089006, struct.pack("<I", 0x10000)),
        attribute(1, 0x00069003, properties(*rows)),
        attribute(1, 0x00069004, struct.pack("<I", 1) + recipient),
        attachments,
    )


def tnef_attached(inner: bytes | None = None, *, name: str = "", content: bytes = b"") -> bytes:
    """The attributes of an attachment: a message put in as TNEF, or a file."""
    if inner is not None:
        held = (0x3701, 0x000D, bytes.fromhex("0703020000000000c000000000000046") + inner)
        return attribute(2, 0x00069002, bytes(14)) + attribute(2, 0x00069005, properties(held))
    return (
        attribute(2, 0x00069002, bytes(14))
        + attribute(2, 0x00018010, name.encode() + b"\x00")
        + attribute(2, 0x0006800F, content)
    )


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()
