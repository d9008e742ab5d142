"""Header fields: encoded words, raw 8-bit, parameters, mailboxes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.headers import decode_words, field_text, parse_parameters
from leaktrace.mailroom.mailboxes import MAILBOX_CEILING_COUNT, clean_address, read_mailbox, read_mailboxes
from leaktrace.records import Mailbox


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"=?utf-8?q?Caf=C3=A9_au_lait?=", "Café au lait"),
        (b"=?UTF-8?B?w6k=?=\r\n =?UTF-8?B?w6g=?=", "éè"),
        (b"=?utf-8?b?5Y8=?= =?utf-8?b?keS7tg==?=", "发件"),  # split inside a character
        (b"a =?utf-8?q?b?= c", "a b c"),
        (b"=?utf-8?q?a?= and =?utf-8?q?b?= =?latin-1?q?=E9?=", "a and bé"),
        (b"=?x-none?q?b=E9?=", "bé"),
        (b"=?utf-8*de?q?b?=", "b"),
        (b"=?utf-8?x?b?= =?utf-8?q?", "=?utf-8?x?b?= =?utf-8?q?"),
        ("Größe".encode(), "Größe"),
        ("Größe".encode("latin-1"), "Größe"),
        (b"folded\r\n\tvalue\x00 here", "folded value here"),
    ],
)
def test_field_values_are_read_as_people_read_them(value: bytes, shown: str) -> None:
    assert field_text(value) == shown


def test_raw_eight_bit_is_read_in_the_hinted_charset() -> None:
    assert field_text("卖家".encode("gb18030"), "gb2312") == "卖家"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_decoding_words_never_fails(text: str) -> None:
    assert isinstance(decode_words(text), str)


def test_parameters_with_continuations_and_charsets() -> None:
    kind, parameters = parse_parameters(
        'Application/Octet-Stream; name*0*=utf-8\'\'offre%20; name*1*=%C3%A9t%C3%A9; name*2=".eml"; x="a\\"b"; y = z ;'
    )
    assert kind == "application/octet-stream"
    assert parameters["name"] == "offre été.eml"
    assert parameters["x"] == 'a"b'
    assert parameters["y"] == "z"
    assert parse_parameters("garbage; a=b") == ("garbage", {"a": "b"})


@pytest.mark.parametrize(
    ("text", "address", "name", "forged"),
    [
        ("John Doe <John.Doe@ACME.com>", "John.Doe@acme.com", "John Doe", False),
        ('"Doe, John" <j@acme.com>', "j@acme.com", "Doe, John", False),
        ("j@acme.com", "j@acme.com", None, False),
        ("<j@acme.com>", "j@acme.com", None, False),
        ('"j@acme.com" <j@acme.com>', "j@acme.com", None, False),
        ("j@acme.com (John Doe)", "j@acme.com", "John Doe", False),
        ("'John' <j@acme.com>", "j@acme.com", "John", False),
        ("O'Brien <o'brien@acme.com>", "o'brien@acme.com", "O'Brien", False),
        ("Chase <no.reply@chase.com> <real@other.example>", "real@other.example", "Chase <no.reply@chase.com>", True),
        ('"help@bank.example" <real@other.example>', "real@other.example", "help@bank.example", True),
        ("John Doe - j@acme.com <j@acme.com>", "j@acme.com", "John Doe - j@acme.com", False),
        ("'John Doe' via List <list@acme.com>", "list@acme.com", "'John Doe' via List", False),
        ('"John <j@acme.com>', "j@acme.com", "John", False),
        ('John" <j@acme.com>', "j@acme.com", "John", False),
        ("John Doe [mailto:j@acme.com]", "j@acme.com", "John Doe", False),
        ("John <j@acme.com<mailto:j@acme.com>>", "j@acme.com", "John", False),
        ("John<mailto:j@acme.com>", "j@acme.com", "John", False),
        ("John <j@acme.com<mailto:evil@x.example>>", "j@acme.com", "John", True),
        ("John Doe", None, "John Doe", False),
        ("John <john=doe@acme.com>", "john=doe@acme.com", "John", False),
        ("John <john.doe@acm= e.com>", None, "John", False),
        ("John <joh= n.doe@acme.com>", None, "John", False),
        ("john.doe@acme=", None, "john.doe@acme=", False),
        ("John <x=joh= n.doe@acme.com>", None, "John", False),
        ("joh= n.doe@acme.com", None, "joh= n.doe@acme.com", True),
        ("John [mailto:joh= n.doe@acme.com]", None, "John [mailto:joh= n.doe@acme.com]", True),
        ("用户 <用户@例子.example>", "用户@例子.example", "用户", False),
        ("root@[192.0.2.1]", "root@[192.0.2.1]", None, False),
        ("", None, None, False),
    ],
)
def test_a_mailbox_is_what_stands_in_the_last_angle_brackets(
    text: str, address: str | None, name: str | None, forged: bool
) -> None:
    found = read_mailbox(text)
    assert (found.mailbox.address, found.mailbox.name, found.name_contains_address) == (address, name, forged)


@pytest.mark.parametrize(
    ("text", "encoded", "address"),
    [
        ("boss@rival.example real@other.example", False, None),
        ("boss@rival.example real@other.example", True, None),
        ("boss@rival.example (real@other.example)", False, None),
        ("boss@rival.example [real@other.example]", False, None),
        ("boss@rival.example <real@other.example", False, None),
        ("boss@rival.example <real@oth=\n er.example>", False, None),
        ("boss@rival.example <real@other.\n example>", False, None),
        ("Boss <boss@rival.example> <real@other.\n example>", False, None),
        ("Boss <boss@rival.example> <real@oth=\n er.example>", True, None),
        ("x <boss@rival.example@other.example>", True, None),
        ("Boss <boss@rival.example> <x@boss@other.example>", True, None),
        ('"boss@rival.example" real@other.example', False, "real@other.example"),
        ("(boss@rival.example) real@other.example", True, "real@other.example"),
        ("real@other.example (boss@rival.example)", True, "real@other.example"),
        ("real@other.example (real@other.example)", False, "real@other.example"),
    ],
)
def test_a_name_without_brackets_around_the_address_is_not_taken_for_it(
    text: str, encoded: bool, address: str | None
) -> None:
    """Attack: where a program leaves the angle brackets away, a name that is an address would be the sender's."""
    assert read_mailbox(text, encoded=encoded).mailbox.address == address


@pytest.mark.parametrize(
    "text",
    [
        "Nora ‹nora@vale.example›",
        "Nora 〈nora@vale.example〉",
        "Nora＜nora@vale.example＞",
        "Nora（nora@vale.example）",
        "Nora《nora@vale.example》；",
        "Nora [nora@vale.example]",
        "Nora <nora@\u200bvale.\u200bexample>",
        "Nora <nora@vale.\xadexample>",
    ],
)
def test_signs_around_an_address_and_marks_inside_it_are_no_part_of_it(text: str) -> None:
    assert read_mailbox(text).mailbox == Mailbox("nora@vale.example", "Nora")


def test_in_angle_brackets_every_sign_of_an_address_counts() -> None:
    assert read_mailbox("Nora <a*b@vale.example>").mailbox.address == "a*b@vale.example"
    assert read_mailbox("*Nora* | *nora@vale.example*").mailbox.address == "nora@vale.example"


def test_an_encoded_word_is_a_name_and_never_structure() -> None:
    # Attack: the decoded word ends in angle brackets of its own; decoding first names the victim.
    value = "<real@other.example> =?utf-8?q?=3Cvictim=40bank.example=3E?="
    assert read_mailbox(decode_words(value)).mailbox.address == "victim@bank.example"
    found = read_mailbox(value, encoded=True)
    assert found.mailbox.address == "real@other.example"
    assert found.name_contains_address
    whole = read_mailbox("=?utf-8?q?John_=3Cj=40acme.com=3E?=", encoded=True)
    assert whole.mailbox.address == "j@acme.com"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@x.example, B <b@x.example>; c@x.example", ["a@x.example", "b@x.example", "c@x.example"]),
        ("Doe, John <j@x.example>, b@x.example", ["j@x.example", "b@x.example"]),
        ("Doe, John <j@x.example>; Roe, Jane <r@x.example>", ["j@x.example", "r@x.example"]),
        ('"a, b" <c@x.example>,', ["c@x.example"]),
        ("Team: a@x.example, b@x.example;", ["a@x.example", "b@x.example"]),
        ("undisclosed-recipients:;", []),
        ("Alice; Bob", [None, None]),
        ("", []),
    ],
)
def test_lists_of_mailboxes(text: str, addresses: list[str | None]) -> None:
    assert [one.mailbox.address for one in read_mailboxes(text)] == addresses


def test_a_list_ends_at_the_ceiling() -> None:
    assert len(read_mailboxes("a@x.example," * 5000)) <= MAILBOX_CEILING_COUNT


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_mailbox_reader(text: str) -> None:
    for found in [read_mailbox(text), read_mailbox(text, encoded=True), *read_mailboxes(text)]:
        address = found.mailbox.address
        assert address is None or address.rpartition("@")[2] == address.rpartition("@")[2].lower()


def test_a_clean_address_has_a_lower_case_domain() -> None:
    assert clean_address("write to A.B@Ex-Ample.ORG. now") == "A.B@ex-ample.org"
    assert clean_address("nobody") is None
