"""Mail inside files: .msg, winmail.dat, zip; what they say, how far it is believed, and hostile ones."""

from __future__ import annotations

import base64
import io
import struct
import time
import zipfile
from dataclasses import replace
from datetime import timedelta

import olefile  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.compound import CompoundFile, NotCompoundError
from leaktrace.mailroom.mime import CeilingReached, Source
from leaktrace.mailroom.outlookmsg import read_msg
from leaktrace.mailroom.read import read_mail
from leaktrace.mailroom.rtf import read_rtf, unpack_rtf
from leaktrace.mailroom.tnef import read_tnef
from leaktrace.records import MessageRecord, Original
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import gmail_text, multipart, original
from tests.mailroom.outlook_samples import (
    HEADERS,
    SENT_AT,
    compound,
    embedded,
    file_attached,
    msg,
    msg_tree,
    packed_rtf,
    tnef,
    tnef_attached,
    tnef_message,
    zipped,
)

NOTE = "Content-Type: text/plain\n\nthey sent me this\n"
CAP_SECONDS = 20.0


def carrying(name: str, content: bytes, content_type: str = "application/octet-stream") -> bytes:
    encoded = base64.encodebytes(content).decode()
    part = (
        f'Content-Type: {content_type}; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
        f"Content-Transfer-Encoding: base64\n\n{encoded}"
    )
    return multipart(NOTE, part)


def read(name: str, content: bytes) -> MessageRecord:
    return read_mail(carrying(name, content))


def only(record: MessageRecord) -> Original:
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return found


def covered(raw: bytes, span: tuple[int, int]) -> bytes:
    """The decoded bytes of an encoded range."""
    inside = raw[span[0] : span[1]].replace(b"\r\n", b"")
    return base64.b64decode(inside + b"=" * (-len(inside) % 4))


# --- .msg ---------------------------------------------------------------------------------------------------


def test_a_msg_shows_of_its_mailing_what_the_same_mail_attached_as_it_is_shows() -> None:
    cells = "".join(
        f"<tr><td width='{width}'><h{width % 6 + 1}>offer</h{width % 6 + 1}></td></tr>" for width in range(30)
    )
    page = (
        f"<html><body><table>{cells}</table><p>Spring sale: garden kettle, blue linen, cotton lamp, silver brush, "
        "winter coat, travel box, little delivery, stock season. WhatsApp: +491701234567, SKU: AB-1234.</p>"
        "<img src='https://shop.example/pictures/kettle.png' width='600' height='400'></body></html>"
    )
    account = "List-Unsubscribe: <https://vale.sends.example/u?u=acct77>\r\n"
    kept = only(read("offer.msg", msg(headers=HEADERS[:-2] + account + "\r\n", html=page.encode(), body="")))
    eml = f"{HEADERS[:-2]}{account}Content-Type: text/html; charset=utf-8\r\n\r\n{page}".encode()
    attached = only(read("offer.eml", eml))
    assert kept.marks == attached.marks
    assert {mark.partition(":")[0] for mark in kept.marks} == {"account", "chat", "image", "phone", "product"}
    for shown in ("text_sketch", "word_sketch", "look_sketch"):
        assert len(getattr(kept, shown)) == 64
        assert getattr(kept, shown) == getattr(attached, shown), shown


def test_a_msg_with_its_header() -> None:
    raw = carrying("offer.msg", msg())
    found = only(read_mail(raw))
    assert (found.form, found.grade, found.flags) == ("msg", "G2", ())
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert [(one.address, one.role) for one in found.recipients] == [("cleo@mail.example", "to")]
    assert found.subject == "Half price for you, Cleo"
    assert found.message_id == "offer-1@vale-shop.example"
    assert found.sent_between.start == SENT_AT
    assert found.links == ("https://vale-shop.example/c?id=77",)
    assert found.text_sketch
    assert "nora@vale-shop.example".encode("utf-16-le") in covered(raw, found.spans["sender"])


def test_a_msg_without_its_header_is_the_reporters_word() -> None:
    raw = carrying("offer.msg", msg(headers=None))
    found = only(read_mail(raw))
    assert (found.grade, found.flags) == ("G1", ("no_transport_headers",))
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert [(one.address, one.role) for one in found.recipients] == [
        ("cleo@mail.example", "to"),
        ("bo@mail.example", "cc"),
    ]
    assert found.sent_between.end == SENT_AT + timedelta(seconds=1)
    assert found.message_id == "offer-1@vale-shop.example"
    for field, value in (("sender", "nora@vale-shop.example"), ("subject", "Half price for you, Cleo")):
        assert value.encode("utf-16-le") in covered(raw, found.spans[field])


def test_an_exchange_name_is_no_address() -> None:
    found = only(read("offer.msg", msg(headers=None, exchange=True)))
    assert (found.sender.address, found.sender.name) == (None, "Nora Vale")
    assert found.flags == ("no_sender_address", "no_transport_headers")


def test_properties_that_contradict_the_header_are_flagged_and_not_believed() -> None:
    found = only(read("offer.msg", msg(sender="boss@rival.example")))
    assert found.sender.address == "nora@vale-shop.example"
    assert found.flags == ("header_differs_from_properties",)
    assert found.grade == "G1"


def test_a_delegate_is_kept_beside_the_author() -> None:
    found = only(read("offer.msg", msg(headers=None, agent="pa@vale-shop.example")))
    assert (found.sender.address, found.sent_by and found.sent_by.address) == (
        "nora@vale-shop.example",
        "pa@vale-shop.example",
    )
    assert "sender_field_differs" in found.flags
    by_header = HEADERS.replace("From:", "Sender: pa@vale-shop.example\r\nFrom:", 1)
    found = only(read("offer.msg", msg(headers=by_header)))
    assert found.sent_by is not None
    assert found.sent_by.address == "pa@vale-shop.example"


def test_messages_and_files_inside_a_msg_are_claims() -> None:
    inner = msg_tree(headers=None, sender="boss@rival.example", top=False)
    outer = msg(attachments=(embedded(inner), file_attached("a.eml", original()), file_attached("b.txt", b"x")))
    found = only(read("offer.msg", outer))
    assert found.sender.address == "nora@vale-shop.example"
    assert [(claim.form, claim.sender.address) for claim in found.claims] == [
        ("msg", "boss@rival.example"),
        ("attachment", "nora@vale-shop.example"),
    ]


def test_a_forward_in_the_text_of_a_msg_is_its_senders_claim() -> None:
    found = only(read("offer.msg", msg(body=gmail_text("Rival <boss@rival.example>"))))
    assert found.sender.address == "nora@vale-shop.example"
    assert [claim.sender.address for claim in found.claims] == ["boss@rival.example"]


def test_bodies_in_html_and_in_compressed_rtf() -> None:
    html = b'<p>Go to <a href="https://vale-shop.example/h">us</a></p>'
    assert only(read("o.msg", msg(body="", html=html))).links == ("https://vale-shop.example/h",)
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Visit https://vale-shop.example/r \par caf\'e9 \u1585?}"
    found = only(read("o.msg", msg(body="", rtf=packed_rtf(rtf))))
    assert found.links == ("https://vale-shop.example/r",)


def test_big_streams_lie_in_sectors_of_their_own() -> None:
    found = only(read("o.msg", msg(body="word " * 5000 + "https://vale-shop.example/far")))
    assert found.links == ("https://vale-shop.example/far",)


def test_another_reader_finds_the_same_streams() -> None:
    tree = msg_tree(body="x" * 9000, attachments=(embedded(msg_tree(top=False)),))
    content = compound(tree)
    judge = olefile.OleFileIO(io.BytesIO(content))
    ours = CompoundFile(Source(content), 10_000_000)
    paths = judge.listdir(streams=True, storages=False)
    assert len(paths) > 30
    for path in paths:
        held = ours.stream(tuple(path))
        assert held is not None
        assert held.content == judge.openstream(path).read()


def test_a_compound_file_that_is_no_message_is_no_report() -> None:
    assert read("sheet.msg", compound({"Workbook": b"x" * 100})).kind != "report"
    assert read("sheet.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)).kind != "report"


def _timed(content: bytes) -> tuple[float, str]:
    started = time.process_time()
    try:
        read_msg(Source(content), 10_000_000)
        outcome = "read"
    except NotCompoundError:
        outcome = "not compound"
    except CeilingReached:
        outcome = "ceiling"
    return time.process_time() - started, outcome


def test_circles_of_sectors_and_huge_counts_end_quickly() -> None:
    content = bytearray(msg(body="x" * 400_000))
    fat_sector = struct.unpack_from("<I", content, 76)[0]
    circle = bytes(content)
    at = (fat_sector + 1) * 512
    circle = circle[:at] + struct.pack("<128I", *([1, 0] * 64)) + circle[at + 512 :]
    huge = bytearray(content)
    struct.pack_into("<I", huge, 44, 0xFFFFFFFF)
    struct.pack_into("<II", huge, 68, 0, 0xFFFFFFFF)
    directory = struct.unpack_from("<I", content, 48)[0]
    long = bytearray(content)
    for entry in range(1, 4):
        struct.pack_into("<I", long, (directory + 1) * 512 + entry * 128 + 120, 0xFFFFFFFF)
    tree = bytearray(content)
    for entry in range(4):
        struct.pack_into("<III", tree, (directory + 1) * 512 + entry * 128 + 68, 1, 1, 1)
    for hostile in (circle, bytes(huge), bytes(long), bytes(tree)):
        seconds, _ = _timed(hostile)
        assert seconds < CAP_SECONDS


def test_entries_that_share_one_chain_do_not_multiply() -> None:
    # The attack: many small directory entries, each claiming the same megabyte.
    content = bytearray(
        msg(body="x" * 500_000, attachments=tuple(file_attached(f"{n}.eml", b"a" * 5000) for n in range(60)))
    )
    judge = CompoundFile(Source(bytes(content)), 100_000_000)
    at = content.find("__substg1.0_37010102".encode("utf-16-le"))
    while at >= 0:
        struct.pack_into("<II", content, at + 116, 0, 1_000_000)
        at = content.find("__substg1.0_37010102".encode("utf-16-le"), at + 128)
    assert len(judge.names()) > 60
    with pytest.raises(CeilingReached):
        read_msg(Source(bytes(content)), 10_000_000)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_damaged_msg_breaks_the_reader(data: st.DataObject) -> None:
    content = bytearray(msg())
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert _timed(cut)[0] < CAP_SECONDS


# --- compressed RTF --------------------------------------------------------------------------------------------


def test_rtf_unpacks_as_the_specification_shows() -> None:
    # MS-OXRTFCP, section 4.1.1, with the result given there.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpack_rtf(packed, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpack_rtf(packed, 10) == b"{\\rtf1\\ans"
    assert unpack_rtf(b"x", 10) == b""
    assert unpack_rtf(struct.pack("<II4sI", 20, 5, b"MELA", 0) + b"hello", 100) == b"hello"


def test_rtf_that_wraps_html_gives_the_html() -> None:
    rtf = (
        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Dear {\*\htmltag84 <b>}Cleo\htmlrtf }"
        rb"\htmlrtf0 {\*\htmltag72 </p>}}"
    )
    shown, is_html = read_rtf(rtf)
    assert is_html
    assert "<p>" in shown
    assert "Cleo" in shown
    assert read_rtf(rb"{\rtf1 a\par b\tab c}")[0] == "a\nb\tc"
    assert read_rtf(rb"{\rtf1\uc2 \u-10179 ??\u-8704 ??x}")[0] == "\U0001f600x"


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_rtf_reader(content: bytes) -> None:
    unpacked = unpack_rtf(struct.pack("<II4sI", 0, 5000, b"LZFu", 0) + content, 5000)
    assert len(unpacked) <= 5000
    read_rtf(content)


# --- winmail.dat ------------------------------------------------------------------------------------------------


def test_a_message_inside_winmail_dat() -> None:
    raw = carrying("winmail.dat", tnef(tnef_attached(tnef_message())), "application/ms-tnef")
    found = only(read_mail(raw))
    assert (found.form, found.grade) == ("tnef", "G2")
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert found.recipients[0].address == "cleo@mail.example"
    assert "nora@vale-shop.example".encode("utf-16-le") in covered(raw, found.spans["sender"])
    found = only(read("winmail.dat", tnef(tnef_attached(tnef_message(headers=None)))))
    assert (found.grade, found.sender.address) == ("G1", "nora@vale-shop.example")
    assert [(one.address, one.role) for one in found.recipients] == [("cleo@mail.example", "to")]
    assert found.sent_between.start == SENT_AT


def test_files_inside_winmail_dat_and_its_own_text() -> None:
    found = only(read("winmail.dat", tnef(tnef_attached(name="offer.eml", content=original()))))
    assert (found.form, found.sender.address) == ("tnef", "nora@vale-shop.example")
    found = only(read("winmail.dat", tnef(tnef_attached(name="offer.msg", content=msg()))))
    assert (found.form, found.sender.address) == ("tnef", "nora@vale-shop.example")
    found = only(read("winmail.dat", tnef_message(headers=None, body=gmail_text())))
    assert (found.form, found.grade, found.sender.address) == ("tnef", "G1", "nora@vale-shop.example")
    nothing = read("winmail.dat", tnef(tnef_attached(name="logo.png", content=b"x")))
    assert nothing.kind != "report"


def test_messages_nested_in_tnef_are_claims_down_to_a_depth() -> None:
    content = tnef_message()
    for _ in range(12):
        content = tnef_message(attachments=tnef_attached(content))
    found, depth = only(read("winmail.dat", tnef(tnef_attached(content)))), 0
    while found.claims:
        (found,) = found.claims
        depth += 1
    assert 6 <= depth <= 9


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_no_damaged_tnef_breaks_the_reader(data: st.DataObject) -> None:
    content = bytearray(tnef_message(attachments=tnef_attached(tnef_message())))
    for _ in range(data.draw(st.integers(1, 10))):
        content[data.draw(st.integers(6, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_tnef(Source(bytes(content[: data.draw(st.integers(6, len(content)))])))


# --- zip ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_mail(method: int) -> None:
    raw = carrying("spam.zip", zipped({"a.eml": original(), "b.msg": msg(), "c.txt": b"x"}, method=method))
    record = read_mail(raw)
    assert [(one.form, one.sender.address) for one in record.originals] == [
        ("attachment", "nora@vale-shop.example"),
        ("msg", "nora@vale-shop.example"),
    ]
    start, end = record.originals[0].spans["sender"]
    assert 0 < start < end <= len(raw)
    if method == zipfile.ZIP_STORED:
        assert b"nora@vale-shop.example" in covered(raw, (start, end))


def test_a_zip_in_a_zip_is_opened_once() -> None:
    inner = zipped({"a.eml": original()})
    assert only(read("s.zip", zipped({"in.zip": inner}))).sender.address == "nora@vale-shop.example"
    assert read("s.zip", zipped({"in.zip": zipped({"in.zip": inner})})).kind != "report"


def test_bombs_are_refused_with_a_reason_and_not_unpacked() -> None:
    bomb = zipped({"a.eml": b"From: a@b.example\r\nSubject: x\r\n\r\n" + bytes(60_000_000)})
    assert len(bomb) < 100_000
    started = time.process_time()
    record = read("s.zip", bomb)
    assert time.process_time() - started < CAP_SECONDS
    assert (record.kind, record.reason) == ("unreadable", "a zip file that unpacks to more than is read")
    many = read("s.zip", zipped({f"{n}.eml": b"" for n in range(1001)}))
    assert many.reason == "a zip file of more than 1000 entries"
    small = replace(Settings(), message_ceiling_bytes=1_000_000)
    spread = carrying("s.zip", zipped({f"{n}.eml": original() + bytes(range(256)) * 1500 for n in range(4)}))
    assert read_mail(spread, settings=small).kind == "unreadable"


def test_locked_and_broken_zips_hold_nothing() -> None:
    content = bytearray(zipped({"a.eml": original()}))
    for signature in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.find(signature) + (6 if signature == b"PK\x03\x04" else 8)
        content[at] |= 1
    assert read("s.zip", bytes(content)).kind != "report"
    whole = zipped({"a.eml": original()})
    assert read("s.zip", whole[: len(whole) // 2]).kind != "report"
    damaged = bytearray(whole)
    damaged[60:90] = bytes(30)
    assert read("s.zip", bytes(damaged)).kind != "report"


# --- messages as they are ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("application/octet-stream", "mail.eml"),
        ("text/plain", "mail.eml"),
        ("message/rfc822", "mail"),
        ("message/global", "mail"),
    ],
)
@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_attached_messages_under_every_name_and_encoding(content_type: str, name: str, encoding: str) -> None:
    content = original()
    if encoding == "base64":
        content = base64.encodebytes(content)
    elif encoding == "quoted-printable":
        content = content.replace(b"=", b"=3D")
    head = (
        f'Content-Type: {content_type}; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
        f"Content-Transfer-Encoding: {encoding}\n\n"
    )
    raw = multipart(NOTE, head.encode() + content)
    found = only(read_mail(raw))
    assert (found.form, found.sender.address) == ("attachment", "nora@vale-shop.example")
    inside = raw[slice(*found.spans["sender"])]
    assert b"nora@vale-shop.example" in (base64.b64decode(inside) if encoding == "base64" else inside)


def test_digests_and_several_attached_are_each_a_report() -> None:
    second, third = (original().replace(b"offer-1", name) for name in (b"offer-2", b"offer-3"))
    digest = (
        b"Content-Type: multipart/digest; boundary=d\n\n--d\n\n" + original() + b"\n--d\n\n" + second + b"\n--d--\n"
    )
    record = read_mail(multipart(NOTE, digest, b"Content-Type: message/rfc822\n\n" + third))
    assert [one.message_id for one in record.originals] == [f"offer-{n}@vale-shop.example" for n in (1, 2, 3)]


def test_a_mail_that_is_attached_twice_is_one_report() -> None:
    again = b"Content-Type: message/rfc822\n\n" + original()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.eml", original())
    head = b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
    zipped = head + base64.encodebytes(packed.getvalue())
    found = only(read_mail(multipart(NOTE, again, again, zipped)))
    assert (found.message_id, found.grade) == ("offer-1@vale-shop.example", "G2")


def test_a_blank_line_above_an_attached_mail_is_no_end_of_its_header() -> None:
    raw = multipart(NOTE, b"Content-Type: message/rfc822\n\n\n" + original())
    found = only(read_mail(raw))
    assert found.sender.address == "nora@vale-shop.example"
    assert b"nora@vale-shop.example" in raw[slice(*found.spans["sender"])]
