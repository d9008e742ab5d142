"""What a mail shows beside its words, and whose mailboxes are one person's."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.keys import Keyring
from leaktrace.mailroom import read_mail
from leaktrace.mailroom.agreement import similarity
from leaktrace.mailroom.features import features_of
from leaktrace.mailroom.marks import account_marks, contact_marks, link_marks, look_of
from leaktrace.mailroom.persons import house_of, person_of
from leaktrace.mailroom.shelves import purpose_of
from leaktrace.mailroom.sketches import text_sketch, word_sketch
from leaktrace.settings import Settings
from tests.mailroom.handmade_mail import original
from tests.mailroom.mail_samples import attached, gmail_html, message, multipart

KEYRING = Keyring(bytes(range(32)), "ws-test")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call +49 (170) 123-4567 today", ["phone:1701234567"]),
        ("or 0049 170 1234567.", ["phone:1701234567"]),
        ("Tel.: 0170 123 45 67", ["phone:1701234567"]),
        ("电话：010-12345678", ["phone:1012345678"]),
        ("Telegram: @AcmeShop.", ["chat:telegram/acmeshop"]),
        ("WhatsApp: +861381234567", ["chat:whatsapp/1381234567", "phone:1381234567"]),
        ("SKU: AB-1234 and item no: 77821", ["product:77821", "product:ab-1234"]),
        ("Only 49.99 until 24.12.2025, order 1234567 now", []),
        ("model: beautiful", []),
    ],
)
def test_phones_chats_and_articles(text: str, expected: list[str]) -> None:
    assert sorted(set(contact_marks(text))) == expected


def test_links_tell_chats_and_articles() -> None:
    urls = [
        "https://wa.me/491701234567?text=hi",
        "https://t.me/acmeshop",
        "https://shop.example/dp/B00AA11?sku=12345",
        "http://[",
    ]
    assert list(link_marks(urls)) == [
        "chat:whatsapp/1701234567",
        "chat:telegram/acmeshop",
        "product:b00aa11",
        "product:12345",
    ]


def test_the_account_at_a_sending_service_is_not_the_recipients_token() -> None:
    one = "<mailto:u@x.example>, <https://acme.list-manage.example/unsubscribe?u=acct77&id=1&e=tok1>"
    two = one.replace("tok1", "tok2").replace("id=1", "id=2")
    assert list(account_marks(one)) == list(account_marks(two)) == ["account:list-manage.example/acct77"]
    assert list(account_marks("<https://acme.sends.example/x>")) == ["account:sends.example/acme"]
    assert list(account_marks("<https://www.sends.example/x>, <http://[>")) == []


def page(columns: int, letters: str) -> str:
    row = "<tr>" + f"<td width='{600 // columns}'><p>{letters}</p></td>" * columns + "</tr>"
    heads = "".join(f"<h{n}>x</h{n}><ul><li>y</li></ul><div width='{n}'></div>" for n in range(1, 7))
    picture = "<img src='https://i.example/a/b.jpg' width='600' height=400>"
    picture += "<img src='https://t.example/o.gif' width=1 height=1>"
    return f"<table>{row * 3}</table>{heads}{picture}"


def test_the_look_is_of_the_build_and_not_of_the_words() -> None:
    look, images = look_of(page(3, "one"))
    assert similarity(look, look_of(page(3, "other words"))[0]) == 1.0
    built_otherwise = "".join(f"<section><b>{n}</b><i></i></section><hr><h{n}>" for n in range(9)) * 3
    assert similarity(look, look_of(built_otherwise)[0]) < 0.5
    assert images == ["image:/a/b.jpg 600x400", "pixel:t.example"]
    assert look_of("<p>short</p>")[0] == ()


@given(st.text("<>a ='\"/img src td=1", max_size=300))
def test_any_source_is_looked_at_in_peace(source: str) -> None:
    look_of(source)
    list(contact_marks(source))
    list(account_marks(source))


@pytest.mark.parametrize("piece", ["<a ", "<img src=", "+1 2", "tel 1 ", "sku: ", "<" * 3])
def test_marks_take_time_in_proportion(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        started = time.process_time()
        look_of(text)
        list(contact_marks(text))
        return time.process_time() - started

    assert seconds(40_000) < 40 * max(seconds(4_000), 0.02)


def test_other_words_in_another_order_are_still_one_text() -> None:
    words = [f"word{chr(97 + n)}{chr(97 + n % 7)}" for n in range(26)]
    moved = [*words[13:], *words[:13]]
    moved[::6] = ["something", "else", "entirely", "written", "here"]
    assert similarity(text_sketch(" ".join(words)), text_sketch(" ".join(moved))) < 0.5
    assert similarity(word_sketch(" ".join(words)), word_sketch(" ".join(moved))) > 0.5
    assert word_sketch("a few of us") == ()


def test_an_attached_mail_and_an_inline_one_show_their_marks() -> None:
    body = f"<html><body>{page(2, 'see')}<p>Call +49 170 1234567</p></body></html>"
    inner = (
        "From: a@shop.example\nTo: c@mail.example\nSubject: x\nList-Unsubscribe: <https://s.example/u?u=acct77>\n"
        f"Content-Type: text/html; charset=utf-8\n\n{body}"
    ).encode()
    (shown,) = read_mail(multipart("Content-Type: text/plain\n\nsee", attached(inner)), settings=Settings()).originals
    assert {"phone:1701234567", "account:s.example/acct77", "pixel:t.example"} <= set(shown.marks)
    assert shown.look_sketch
    raw = message(gmail_html().replace("Dear Cleo", f"{page(2, 'see')} Tel: 0170 1234567"), content_type="text/html")
    (inline,) = read_mail(raw, settings=Settings()).originals
    assert {"phone:1701234567", "image:/a/b.jpg 600x400"} <= set(inline.marks)


# --- features of them ---------------------------------------------------------------------------------------------


def test_marks_are_kept_as_keyed_hashes_and_a_mail_leads_to_one_place_at_most() -> None:
    from dataclasses import replace

    marks = ("chat:telegram/acme", "phone:1701234567", "pixel:t.example", "product:ab-1")
    links = ("https://a.com/1", "https://a.com/2", "https://b.com/")
    found = features_of(replace(original(links=links), marks=marks), KEYRING.feature_hash)
    assert (len(found.contacts), len(found.products), set(found.pixels)) == (2, 1, {"t.example"})
    assert "1701234567" not in str(found.document())
    assert found.lead == purpose_of(found) == "a.com"
    both = features_of(original(links=links[1:]), KEYRING.feature_hash)
    assert both.links == {"a.com", "b.com"}
    assert both.lead is None
    assert purpose_of(both) is None
    ours = features_of(
        original(links=("https://market.example/shop/oak/1", "https://market.example/help")), KEYRING.feature_hash,
        frozenset({"market.example"}),
    )  # fmt: skip
    assert ours.links == {"market.example/shop/oak"}


# --- persons --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two", "person", "house"),
    [
        ("kim+a@mail.example", "kim+b@mail.example", True, True),
        ("k.im@gmail.com", "kim+x@googlemail.com", True, True),
        ("j.lee@firm.example", "jlee@firm.example", True, True),
        ("kim@pm.me", "kim@protonmail.com", True, True),
        ("kim@gmail.com", "lee@gmail.com", False, False),
        ("one@own-domain.net", "two@own-domain.net", False, True),
        ("one@a.own-domain.net", "two@own-domain.net", False, True),
        ("kim@gmail.com", "kim@web.de", False, False),
    ],
)
def test_who_is_one_person_and_who_may_be(one: str, two: str, person: bool, house: bool) -> None:
    assert (person_of(one) == person_of(two)) is person
    assert (house_of(one) == house_of(two)) is house
    assert person_of("no address") is house_of("no address") is None
