"""Shortcuts for what nearly all mails are give what the plain way of reading gives, whatever the text."""

from __future__ import annotations

import codecs
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from leaktrace.intake.mailflow import batches
from leaktrace.keys import Keyring
from leaktrace.mailroom import marks
from leaktrace.mailroom.agreement import Sample, agreement, rows_of
from leaktrace.mailroom.attributions import label_before
from leaktrace.mailroom.canonical import split_message
from leaktrace.mailroom.charsets import CharacterPlaces
from leaktrace.mailroom.dates import HEADER_LANGUAGES, UNKNOWN, sent_window
from leaktrace.mailroom.domains import split_link
from leaktrace.mailroom.features import Features
from leaktrace.mailroom.headers import clean
from leaktrace.mailroom.labels import ROLES, words_with_sources
from leaktrace.mailroom.links import links_of
from leaktrace.mailroom.mailboxes import ADDRESS, addresses_in, find_address, split_mailboxes, without_addresses
from leaktrace.mailroom.marks import contact_marks
from leaktrace.mailroom.markup import Rendered, render
from leaktrace.mailroom.mime import Source, read_fields, read_message
from leaktrace.mailroom.sketches import (
    SKETCH_COUNT,
    sketch_of_runs,
    sketch_of_set,
    sketch_of_words,
    text_sketch,
    word_sketch,
)
from leaktrace.mailroom.sources import FoundMessage
from leaktrace.mailroom.store import RawStore
from leaktrace.mailroom.texts import Text
from leaktrace.mailroom.words import masked_words, may_have_number, words_of
from leaktrace.settings import Settings

_PIECES = (
    "http://", "HTTPS://", "ftp://", "://", "xhttp://", "@", "a", "bcd", "_", "é", "ſ", " ", "  ", "\n", "\t", "\xa0",
    "<", ">", "(", '"', "'", ",", ";", ":", ".", "中", "文", "0", "12", "٣", "x" * 70, "y" * 130, "z" * 260, "/",
    "?q=1", "#", "\x00", "İ", "ı", "whatsapp: ", "WhatsApp:+4915112345678", "art-nr: AB-1234", "tel. +49 30 123 45 67",

    "tel030", "Fax 0", "+49", "1234567", "–", "€", "ß", "\u0307", "😀", "\ud800", "00", "007",
    "٠٣", "７", "Я", "ref", "line id: ", "ſku: a1b2c", "artnr",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join)
_FIELD_PIECES = (b"A: b", b"c", b":", b" ", b"\t", b"\r\n", b"\n", b"\r", b"From x", b">From y: z", b"\r\n\r\n", b" d:")
FIELDS = st.lists(st.sampled_from(_FIELD_PIECES), max_size=20).map(b"".join)
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]{1,60}")


@given(TEXTS)
def test_masked_words_are_those_of_the_patterns(text: str) -> None:
    plain = text.casefold()
    plain = re.sub(r"\b(?:https?|ftp)://[^\s<>\"']{1,4000}", " xurl ", plain)
    plain = re.sub(r"[^\s<>()\[\],;:\"@]{1,128}@[^\s<>()\[\],;:\"@]{1,255}", " xaddress ", plain)
    assert masked_words(text) == _WORD.findall(re.sub(r"\d+", "0", plain))


@given(st.lists(st.sampled_from((*_PIECES, '"a@b"', "x" * 127, "y" * 128)), max_size=30).map("".join), st.data())
def test_the_first_address_is_that_of_the_pattern(text: str, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    told, expected = find_address(text, start, end), ADDRESS.search(text, start, end)
    assert (told and told.span()) == (expected and expected.span())
    assert [one.span() for one in addresses_in(text)] == [one.span() for one in ADDRESS.finditer(text)]
    assert without_addresses(text) == ADDRESS.sub(" ", text)


@given(st.text('"<>(),;，；、 ab@', max_size=60), st.booleans())
def test_lists_are_split_where_a_walk_over_every_letter_splits_them(text: str, semicolons_only: bool) -> None:
    # What is in quotes that are closed, or in brackets, divides nothing.
    cuts, quoted, depth = [], False, 0
    for place, letter in enumerate(text):
        if letter == '"' and (quoted or '"' in text[place + 1 :]):
            quoted = not quoted
        elif not quoted and letter in "<(":
            depth += 1
        elif not quoted and letter in ">)":
            depth = max(depth - 1, 0)
        elif not quoted and depth == 0 and letter in (";；" if semicolons_only else ",;，；、"):
            cuts.append(place)
    ranges = split_mailboxes(text, semicolons_only=semicolons_only)
    # Neighbours may be joined again, and an end with nothing but blanks and separators is left out.
    assert all(start - 1 in (-1, *cuts) for start, _ in ranges)
    assert all(end in cuts or not text[end:].strip(" \t;,") or end == len(text) for _, end in ranges)


_LABEL_WORDS = sorted(
    (word, role) for table in words_with_sources().values() for role in ROLES for word in table.get(role, {})
)
LABELLED = st.lists(
    st.sampled_from([word for word, _ in _LABEL_WORDS] + ["x", " ", "A", "7", "\xa0", "To", "De"]), max_size=6
).map("".join)


@given(LABELLED, st.sampled_from(["", " ", "\xa0"]), st.integers(0, 12))
def test_the_label_before_a_colon_is_the_longest_there_is(text: str, blank: str, low: int) -> None:
    both = [(word[:1].upper() + word[1:], role) for word, role in _LABEL_WORDS] + _LABEL_WORDS
    found = None
    for word, role in sorted(both, key=lambda pair: (-len(pair[0]), pair)):
        start = len(text) - len(word)
        glued = start > low and text[start - 1 : start].isalpha()
        if role != "other" and start >= low and text.endswith(word) and (len(word) > 2 or not glued):
            found = (role, start)
            break
    assert label_before(f"{text}{blank}:", low, len(text + blank)) == found


@given(TEXTS)
def test_links_in_text_are_those_of_the_pattern(text: str) -> None:
    found = re.findall(r"\bhttps?://[^\s<>\"'\x00-\x1f]{1,2000}", text, re.IGNORECASE)
    shown = Text("plain", text, False, Source(b""))
    assert links_of([(shown, 0)]) == tuple(dict.fromkeys(url.rstrip(".,;:!?)]}'\"*>»”’。，、）】") for url in found))


@given(st.sampled_from(("http://", "https://", "HTTP://")), TEXTS)
def test_a_link_is_split_as_the_standard_library_does(scheme: str, rest: str) -> None:
    try:
        parts = urlsplit(scheme + rest)
        wanted = (parts.scheme, parts.hostname or "", parts.path, parts.query)
    except ValueError:
        assert split_link(scheme + rest) is None
        return
    assert split_link(scheme + rest) == wanted


@given(FIELDS)
def test_header_fields_are_those_read_line_by_line(header: bytes) -> None:
    content = header.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    pieces: list[list[bytes]] = []
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n") if not content.startswith(b"\r\n") else ():
        if line[:1] in (b" ", b"\t") and pieces:
            pieces[-1].append(line)
        elif b":" in line and not line.startswith((b"From ", b">From ")):
            pieces.append([line])
    assert split_message(header)[0] == [b"\r\n".join(piece) for piece in pieces]


@given(FIELDS)
def test_fields_read_in_one_go_are_those_read_line_by_line(header: bytes) -> None:
    start = len(header) - len(header.lstrip(b"\r\n"))
    fields, body_start = read_fields(header, start, len(header))
    message = read_message(header, Settings())
    assert message.body_start == body_start
    assert [field.name for field in message.fields] == [field.name for field in fields]
    for ours, theirs in zip(message.fields, fields, strict=True):
        assert ours.start == theirs.start
        assert message.value_of(ours) == header[theirs.value_start : theirs.value_end].strip(b" \t\r\n")


_CLOCKS = st.tuples(st.integers(0, 25), st.integers(0, 61), st.integers(0, 61))


@given(
    st.sampled_from(("", "Mon, ", "Mar, ")), st.integers(0, 32),
    st.sampled_from(["Jan", "Mar", "May", "Sep", "Dec", "Foo"]),
    st.sampled_from((1403, 1969, 1970, 2024, 2025, 2100, 2101, 2568)), _CLOCKS, st.sampled_from("+-"),
    st.integers(0, 15), st.sampled_from((0, 30, 45, 60)), st.sampled_from(("", " (UTC)", " (PDT)")),
)  # fmt: skip
def test_a_standard_date_is_what_any_other_date_would_be(
    weekday: str, day: int, month: str, year: int, clock: tuple[int, int, int], sign: str, east: int, minutes: int,
    comment: str,
) -> None:  # fmt: skip
    hour, minute, second = clock
    date = f"{weekday}{day} {month} {year} {hour:02}:{minute:02}:{second:02} {sign}{east:02}{minutes:02}{comment}"
    # Two blanks are nothing that programs write: that one is read as a client's date is.
    assert sent_window(date, HEADER_LANGUAGES) == sent_window(date.replace(" ", "  "), HEADER_LANGUAGES)


def test_a_standard_date_is_read() -> None:
    found = sent_window("Mon, 3 Mar 2025 08:00:01 +0130 (CET)", HEADER_LANGUAGES)
    assert found != UNKNOWN
    assert str(found.start) == "2025-03-03 06:30:01+00:00"


_TAGS = (
    "<p>", "</p>", "<br>", "<br/>", "<td>", "</td>", "<tr class=x>", '<div id="divRplyFwdMsg">', "</div>", "<b>",
    "</b>",
    '<a href="http://a.example/?q=1&amp;r">', '<a  title="x"\n href="http://b.example">', '<a data-href="n" href="">',
    '<a href="m" href="http://c.example" >', '<blockquote type="cite">', "<style>", "</style>", "<img alt='a>b'>",
    '<img alt="a>b" src="x">', '<img alt="', "<!--", "-->", "<!doctype x>", "<", ">", "</", "<x", "&amp;", "&nbsp;",
    "word", "two words ", "\n", "  ", "\xa0", "é", "=",
)  # fmt: skip


def _seen(page: Rendered) -> tuple[object, ...]:
    return page.text, [(link.target, link.text_at) for link in page.links], page.cues


@given(st.lists(st.sampled_from(_TAGS), max_size=30).map("".join))
def test_a_tag_that_is_plain_does_what_one_with_single_quotes_does(page: str) -> None:
    # With an attribute in single quotes each is looked at closely; only whole tags get one.
    closely = re.sub(r"<([a-z]+)(?=[\s>/])((?:[^<>\"']|\"[^<>\"]*\")*)>", r"<\1 q='1'\2>", page)
    if "<style" not in page and "<!--" not in page and "<x" not in page and '<img alt="<' not in page:
        assert _seen(render(closely)) == _seen(render(page))


def _sketch(share: int) -> tuple[int, ...]:
    return tuple(range(share)) + tuple(range(1000, 1000 + SKETCH_COUNT - share))


_SKETCHES = st.sampled_from([(), _sketch(0), _sketch(38), _sketch(39), _sketch(51), _sketch(52), _sketch(64)])
_SETS = st.frozensets(st.sampled_from(("a.example", "b.example", "c.example")), max_size=3)
FEATURES = st.builds(
    Features, sender=_SETS, name=st.sampled_from((None, "n")), reply=_SETS, links=_SETS, signers=_SETS,
    subject=st.sampled_from((None, "s", "t")), sketch=_SKETCHES, words=_SKETCHES, look=_SKETCHES, contacts=_SETS,
    images=_SETS, pixels=_SETS, products=_SETS, accounts=_SETS,
)  # fmt: skip


@given(FEATURES, st.lists(FEATURES, max_size=5))
def test_a_sample_agrees_as_each_of_its_reports_does(one: Features, others: list[Features]) -> None:
    assert Sample(others).agreements(one, rows_of(one)) == [agreement(one, other) for other in others]


def test_a_sketch_of_another_size_is_compared_one_by_one() -> None:
    one, other = Features(sketch=tuple(range(96))), Features(sketch=_sketch(64))
    assert rows_of(one) is None
    assert Sample([other, one]).agreements(one, rows_of(one)) == [agreement(one, other), agreement(one, one)]
    assert Sample([one]).agreements(other, rows_of(other)) == [agreement(other, one)]


def test_a_batch_ends_at_so_many_messages_or_bytes() -> None:
    small = [FoundMessage("f", number, b"x", "0", 1) for number in range(201)]
    assert [len(batch) for batch in batches(small)] == [200, 1]
    large = [FoundMessage("f", number, b"x", "0", 30_000_000) for number in range(4)]
    assert [len(batch) for batch in batches(large)] == [3, 1]
    not_held = [FoundMessage("f", number, None, "0", 30_000_000) for number in range(4)]
    assert [len(batch) for batch in batches(not_held)] == [4]
    assert list(batches([])) == []


@given(TEXTS)
def test_words_of_contacts_are_tried_where_they_stand_and_nothing_else_is_lost(text: str) -> None:
    numbers = [found[1] for pattern in (marks._PHONE, marks._NAMED_PHONE) for found in pattern.finditer(text)]
    phones = ["".join(str(int(c)) for c in number if c.isdecimal()) for number in numbers]
    expected = [f"phone:{digits.lstrip('0')[-10:]}" for digits in phones if 7 <= len(digits) <= 15]
    expected += [f"chat:{marks._chat_name(found[1], found[2])}" for found in marks._CHAT.finditer(text)]
    products = [found[1] for found in marks._PRODUCT.finditer(text)]
    expected += [f"product:{one.casefold()}" for one in products if any(c.isdigit() for c in one)]
    assert list(contact_marks(text)) == expected


@given(st.lists(st.sampled_from((*_PIECES, "1", " 2", "3-", ".4", "(5", ")6", "\xa07")), max_size=40).map("".join))
def test_a_text_said_to_have_no_number_has_none(text: str) -> None:
    if re.search(r"\d(?:[\s().\-/\u00a0]{0,2}\d){6}", text) is not None:
        assert may_have_number(text, 7, is_ascii_numbered=words_of(text).is_ascii_numbered)


def test_letters_of_a_long_text_are_masked_as_those_of_a_short_one() -> None:
    short = "Für 49,99 € – ab ٣٤ Tagen 😀 naïve Ærø"
    assert masked_words(f"{short}\n" * 300) == masked_words(short) * 300
    assert not words_of(f"{short}\n" * 300).is_ascii_numbered


def test_a_text_without_a_number_is_said_to_have_none() -> None:
    for text in ("bought on 3 March for 49.99, 3 of 4", "für 49,99 € – 3 × am 4."):
        assert not may_have_number(text, 7, is_ascii_numbered=words_of(text).is_ascii_numbered)


@given(TEXTS)
def test_a_value_is_cleaned_of_controls_and_runs_of_blanks(text: str) -> None:
    assert clean(text) == re.sub(r"[ \t\n]+", " ", re.sub(r"[\x00-\x08\x0b-\x1f\x7f]+", " ", text)).strip()


@given(TEXTS)
def test_both_sketches_of_a_text_come_from_one_reading_of_its_words(text: str) -> None:
    words = masked_words(text)
    assert (sketch_of_runs(words), sketch_of_words(words)) == (text_sketch(text), word_sketch(text))


def test_a_long_text_is_sketched_as_its_parts_together_are() -> None:
    many = {f"element {number}" for number in range(5_000)}
    parts = [{one for one in many if int(one[8:]) % 5 == number} for number in range(5)]
    assert sketch_of_set(many) == tuple(map(min, *map(sketch_of_set, parts)))


@given(st.lists(st.sampled_from("aé中😀\n"), max_size=30).map("".join), st.booleans())
def test_each_character_of_utf8_is_found_at_its_bytes(text: str, with_mark: bool) -> None:
    mark = b"\xef\xbb\xbf" if with_mark else b""
    places = CharacterPlaces(mark + text.encode(), "utf-8-sig")
    for index in range(1, len(text)):
        assert places.place(index) == len(mark) + len(text[:index].encode())
    assert places.place(0) == (0 if text else len(mark))
    assert places.place(len(text) + 1) == len(mark) + len(text.encode())


def test_many_places_in_a_text_beyond_ascii_take_no_walk_each() -> None:
    # A public mail of 5 kB with 90 spans took 50 ms when each walked up to 4 kB of the text.
    places = CharacterPlaces(("é" * 4000).encode(), "utf-8-sig")
    began = time.process_time()
    assert [places.place(index) for index in range(4000)] == list(range(0, 8000, 2))
    assert time.process_time() - began < 1.0


def begins_byte_by_byte(content: bytes, codec: str) -> list[int]:
    """Where each character begins: where the one before ended, decoded a byte at a time."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    begins, ended = list[int](), 0
    for position in range(len(content)):
        if got := decoder.decode(content[position : position + 1]):
            begins += [ended] * len(got)
            ended = position + 1 - len(decoder.getstate()[0])
    return begins


@given(
    st.lists(st.sampled_from([b"a", "é".encode(), "中".encode(), b"\xff", b"\xe4\xb8", b"\x80", b" "]), max_size=40),
    st.integers(0, 40),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "cp932"]),
)
def test_each_character_of_a_broken_text_is_found_at_its_bytes(pieces: list[bytes], times: int, codec: str) -> None:
    content = b"".join(pieces) * times
    begins = begins_byte_by_byte(content, codec)
    places = CharacterPlaces(content, codec)
    assert [places.place(index) for index in range(len(begins))] == begins


def test_many_places_in_a_broken_text_take_no_walk_each() -> None:
    places = CharacterPlaces(b"\xff" + ("é" * 30_000).encode(), "utf-8-sig")
    began = time.process_time()
    assert [places.place(index) for index in range(30_001)] == [0, *range(1, 60_001, 2)]
    assert time.process_time() - began < 1.0


def test_marks_are_found_wherever_their_words_stand() -> None:
    filler = "spring sale garden linen " * 500
    text = f"{filler}\nWhatsApp: +491511234567\n{filler}\nArt-Nr: AB-1234\n{filler}tel. 030 123 45 67"
    assert set(contact_marks(text)) == {
        "phone:1511234567", "chat:whatsapp/1511234567", "product:ab-1234", "phone:301234567",
    }  # fmt: skip


def test_marks_are_found_in_a_text_of_little_else() -> None:
    text = "+" * 20_000 + " call +49 30 1234567. " + "ref: A1-77 " * 11_000
    assert set(contact_marks(text)) == {"phone:9301234567", "product:a1-77"}


def test_a_batch_larger_than_one_group_of_files_is_stored_each_message_once(tmp_path: Path) -> None:
    keyring = Keyring(bytes(32), "test")
    raws = [b"message %d" % (number % 100) for number in range(150)]
    answers = RawStore(tmp_path / "raw", keyring).put_all(raws)
    assert [is_new for _, is_new in answers] == [True] * 100 + [False] * 50
    again = RawStore(tmp_path / "raw", keyring)
    assert [again.get(sha256) for sha256, _ in answers] == raws
    assert [path.name for path in (tmp_path / "raw" / "aside").iterdir()] == ["lock"]
