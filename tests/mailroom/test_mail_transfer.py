"""Transfer encodings and charsets: what is decoded can be found again in the raw bytes."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.charsets import CharacterPlaces, best_codec, codec_name, decode
from leaktrace.mailroom.transfer import (
    _ODD_QUOTED,
    _mapped_base64,
    _mapped_quoted_printable,
    decode_base64,
    decode_quoted_printable,
    decode_transfer,
)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
def test_base64_decodes_and_every_slice_is_found_again(content: bytes, width: int) -> None:
    letters = base64.b64encode(content)
    encoded = b"\r\n".join(letters[at : at + width] for at in range(0, len(letters), width))
    decoded, locate = decode_base64(encoded)
    assert decoded == content
    for start in range(0, len(content), 7):
        begin, end = locate(start, min(start + 5, len(content)))
        assert content[start : start + 5] in base64.b64decode(encoded[begin:end] + b"==")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_quoted_printable_decodes_and_every_slice_is_found_again(content: bytes) -> None:
    content = content.replace(b"\r", b"")
    encoded = quopri.encodestring(content)
    decoded, locate = decode_quoted_printable(encoded)
    assert decoded == content
    for start in range(0, len(content), 7):
        begin, end = locate(start, min(start + 5, len(content)))
        assert content[start : start + 5] in quopri.decodestring(encoded[begin:end])


PIECES = st.sampled_from([b"a", b" ", b"=3D", b"=c3=a9", b"=\r\n", b"=\n", b"\r\n", b"\n", b"bc", b"=0A"])


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_the_quick_way_through_quoted_printable_says_what_the_careful_one_says(encoded: bytes) -> None:
    assert _ODD_QUOTED.search(encoded) is None
    quick, careful = decode_quoted_printable(encoded), _mapped_quoted_printable(encoded)
    assert quick[0] == careful[0]
    for start in range(len(quick[0])):
        for end in range(start + 1, min(start + 4, len(quick[0])) + 1):
            assert quick[1](start, end) == careful[1](start, end)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 9), st.booleans())
def test_the_quick_way_through_base64_says_what_the_careful_one_says(content: bytes, width: int, padded: bool) -> None:
    letters = base64.b64encode(content)
    letters = letters if padded else letters.rstrip(b"=")
    encoded = b"\r\n".join(letters[at : at + width] for at in range(0, len(letters), width))
    quick, careful = decode_base64(encoded), _mapped_base64(encoded)
    assert quick[0] == careful[0] == content
    for start in range(len(content)):
        for end in range(start + 1, min(start + 4, len(content)) + 1):
            assert quick[1](start, end) == careful[1](start, end)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_a_decoder(content: bytes) -> None:
    for encoding in ("base64", "quoted-printable", "x-unheard-of"):
        decoded, locate = decode_transfer(content, encoding)
        begin, end = locate(0, len(decoded))
        assert 0 <= begin <= end <= len(content)
        assert locate(0, 0)[0] == locate(0, 0)[1]


def test_one_bad_base64_line_does_not_lose_the_rest() -> None:
    good = base64.b64encode(b"the first half, and the second half ")
    assert decode_base64(good[:24] + b"\n***\n" + good[24:])[0] == b"the first half, and the second half "
    assert decode_base64(base64.b64encode(b"body") + b"\n____\nlist footer")[0] == b"body"
    assert decode_base64(b"QUJDR")[0] == b"ABC"


def test_stray_equals_signs_stay() -> None:
    assert decode_quoted_printable(b"a=b =3D c=\r\nd =")[0] == b"a=b = cd "


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "unicode_escape", "zlib", "rot13", "undefined", "no-such", "", "\x00"]
)
def test_codecs_that_are_no_charsets_of_mail_are_refused(name: str) -> None:
    assert codec_name(name) is None


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gb2312", "发件人：卖家 镕"),
        ("shift_jis", "差出人 ①"),
        ("iso-2022-jp", "差出人 abc 件名"),
        ("ks_c_5601-1987", "보낸 사람"),
        ("windows-1251", "От кого"),
        ("UTF-7", "Größe"),
        ("utf-16", "Größe 发件人"),
        ("iso-8859-1", "caf\u00e9 \u201cquoted\u201d"),
        ("windows-874", "จาก"),
        ("windows-31j", "差出人 ①"),
        ("cp50220", "差出人"),
        ("x-mac-cyrillic", "От кого"),
        ("cn-big5", "寄件者"),
        ("gb_2312-80", "发件人"),
        ("ks_c_5601-1989", "보낸 사람"),
        ("iso-8859-8-e", "מאת"),
    ],
)
def test_charsets_are_read_and_places_found(charset: str, text: str) -> None:
    codec = codec_name(charset)
    assert codec is not None
    content = text.encode(codec)
    assert decode(content, charset) == text
    places = CharacterPlaces(content, codec)
    assert places.place(0) <= 2  # a byte order mark may come first
    assert places.place(len(text)) == len(content)
    assert [places.place(at) for at in range(len(text))] == sorted(places.place(at) for at in range(len(text)))


@settings(deadline=None)
@given(
    st.text(max_size=200), st.integers(0, 200), st.integers(0, 200), st.sampled_from(["utf-8", "gb18030", "utf-16-le"])
)
def test_a_character_is_where_its_bytes_are(text: str, first: int, second: int, codec: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    content = text.encode(codec)
    places = CharacterPlaces(content, codec)
    assert content[places.place(start) : places.place(end)].decode(codec) == text[start:end]


def test_places_hold_far_into_a_text() -> None:
    text = "é" * 9000 + "needle" + "漢" * 9000
    content = text.encode()
    places = CharacterPlaces(content, "utf-8")
    at = text.index("needle")
    assert content[places.place(at) : places.place(at + 6)] == b"needle"
    assert CharacterPlaces(b"", "utf-8").place(0) == 0


def test_unknown_charsets_are_guessed() -> None:
    assert decode("naïve".encode(), "x-klingon") == "naïve"
    assert decode("naïve".encode("cp1252"), None) == "naïve"
    assert decode("naïve".encode("cp1252"), "utf-8") == "naïve"
    assert decode(("ü" * 50).encode() + b"\xff", "us-ascii") == "ü" * 50 + "\ufffd"
    assert decode(b"\xff" + ("ü" * 50).encode(), "utf-8") == "\ufffd" + "ü" * 50
    assert decode(("ü" * 50).encode()[:-1], "utf-8") == "ü" * 49 + "\ufffd"
    assert best_codec(b"plain", "us-ascii") == "utf-8-sig"


def test_a_late_byte_does_not_make_another_charset_utf8() -> None:
    # A label below plain ASCII that bytes of Latin-1 spell, in a mail that says it is UTF-8.
    text = "From: Nora <nora@vale.example>\nÀ: cleo@mail.example\n"
    assert decode(text.encode("latin-1"), "utf-8") == text
    assert decode(text.encode("latin-1"), "us-ascii") == text


def test_broken_east_asian_text_is_covered_as_a_whole_where_no_place_can_be_told() -> None:
    # Found by mutating public mail: Python's decoder raises on this when it is fed byte by byte.
    content = b"\xa1A{~0~\x1bZ~\xff$0$(}-{A\x1b$\x1b-~{\x8e\xa1\xa1J-"
    text = content.decode("iso2022_jp", "replace")
    with pytest.raises(UnicodeError):
        CharacterPlaces(content, "iso2022_jp").place(len(text))
    assert CharacterPlaces(content, "iso2022_jp").span(1, len(text)) == (0, len(content))
    whole = "件名".encode("iso2022_jp")
    assert CharacterPlaces(whole, "iso2022_jp").span(0, 2)[1] == len(whole)
