"""Templates and what is made of them: complete, checked, right-to-left where it is, nothing a notice must not have."""

from __future__ import annotations

import email
import email.policy
import hashlib
import html.parser
import itertools
import re
from base64 import b64decode
from dataclasses import replace
from datetime import date
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.errors import ResponseError, UsageError
from leaktrace.response.notices import Letterhead, MailForm, NoticeFacts, NoticeTokens, TemplateShelf
from leaktrace.response.notices import composed as shipped
from leaktrace.response.notices.dkimsigner import DkimSigner
from leaktrace.response.notices.facts import MEASURES, SAFEGUARDS
from leaktrace.response.notices.laws import LANGUAGES, language_of, law_of, laws
from leaktrace.response.notices.opensslsign import unlocked_rsa_signer
from leaktrace.response.notices.rendering import FSI, PDI, Rendered, isolated, rendered
from leaktrace.response.notices.templates import Template, faults_of, parsed
from tests.response.fakes_notices import NOW
from tests.response.noticedesks import SECRET, key, public_key

FACTS = NoticeFacts(
    company="Basar & Söhne",
    contact_mail="privacy@basar.example",
    contact_page="https://basar.example/notice?id=1&l=2",
    contact_phone="+49 30 1234",
    contact_post="Hauptstraße 1, 10115 Berlin",
    officer="officer@basar.example",
    noticed_on=date(2026, 11, 18),
    occurred_from=date(2026, 8, 1),
    occurred_to=date(2026, 10, 31),
    measures=MEASURES,
    safeguards=SAFEGUARDS,
)
FIELDS = ("address", "birth_date", "email", "name", "order", "password_hash", "payment", "phone")
ALL = TemplateShelf().all()
REFERENCE = "abcdefgh23456723"


def one(law: str, language: str, facts: NoticeFacts = FACTS, fields: tuple[str, ...] = ("email",)) -> Rendered:
    return rendered(TemplateShelf().get(law, language), facts, fields).addressed(REFERENCE)


class Elements(html.parser.HTMLParser):
    """Every start tag with its attributes, and whether tags are balanced."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


# --- every law in every language ------------------------------------------------------------------------------


def test_there_is_every_law_in_every_language() -> None:
    assert {template.name for template in ALL} == {f"{law}/{language}" for law in laws() for language in LANGUAGES}
    assert len({template.sha256 for template in ALL}) == len(ALL) == 90


@pytest.mark.parametrize("template", ALL, ids=lambda template: template.name)
def test_a_notice_is_complete_and_clean(template: Template) -> None:
    text = rendered(template, FACTS, FIELDS).addressed(REFERENCE)
    for part in (text.subject, text.text, text.html):
        assert not re.search(r"\{[a-z_]*\}", re.sub(r'style="[^"]*"', "", part))
        assert part.count(FSI) == part.count(PDI)
        depth = 0
        for sign in part:
            depth += (sign == FSI) - (sign == PDI)
            assert depth in (0, 1)
        assert "\ue000" not in part
    assert "\n" not in text.subject
    assert REFERENCE in text.text
    assert REFERENCE in text.html
    elements = Elements(text.html)
    tags = {tag for tag, _ in elements.found}
    assert tags <= {
        "html", "head", "meta", "title", "body", "div", "h1", "h2", "p", "a", "bdi", "br",
    }, "nothing is loaded"  # fmt: skip
    links = {attributes["href"] for tag, attributes in elements.found if tag == "a"}
    assert links <= {FACTS.contact_page, f"mailto:{FACTS.contact_mail}"}, "no link is rewritten"
    for tag, attributes in elements.found:
        assert not {"src", "background", "onclick", "srcset"} & set(attributes), tag
        if tag in ("html", "body", "div"):
            assert attributes["lang"] == template.language
            assert attributes["dir"] == template.direction


@pytest.mark.parametrize("template", ALL, ids=lambda template: template.name)
def test_a_missing_fact_stops_it(template: Template) -> None:
    for name in sorted(template.placeholders() - {"fields", "reference", "company"}):
        empty = {"measures": (), "safeguards": ()}.get(name, None if name.startswith(("noticed", "occurred")) else "")
        with pytest.raises(ResponseError, match=name):
            rendered(template, replace(FACTS, **{name: empty}), FIELDS)  # type: ignore[arg-type]
    if "fields" in template.placeholders():
        with pytest.raises(ResponseError, match="no word for the field loyalty"):
            rendered(template, FACTS, ("email", "loyalty"))


@pytest.mark.parametrize("language", ["fa", "ar"])
def test_right_to_left_isolates_what_runs_the_other_way(language: str) -> None:
    text = one("gdpr", language)
    for value in ("Basar & Söhne", "privacy@basar.example", "+49 30 1234", REFERENCE):
        assert f"{FSI}{value}{PDI}" in text.text
    assert f"{FSI}https://basar.example/notice?id=1&l=2 {PDI}" in text.text, "a blank ends the link"
    assert f"{FSI}Basar & Söhne{PDI}" in text.subject
    assert '<bdi dir="ltr">+49 30 1234</bdi>' in text.html
    assert '<a href="https://basar.example/notice?id=1&amp;l=2"><bdi dir="ltr">' in text.html


def test_a_left_to_right_text_isolates_only_what_needs_it() -> None:
    assert FSI not in one("gdpr", "de").text
    persian = one("gdpr", "de", replace(FACTS, company="بازار"))
    assert persian.subject.startswith(f"{FSI}بازار{PDI}: ")


def test_persian_days_are_in_persian_digits() -> None:
    assert "۱۸ نوامبر ۲۰۲۶" in one("gdpr", "fa").text


@given(st.text(max_size=40), st.booleans())
def test_a_value_cannot_break_out_of_its_isolate(value: str, rtl: bool) -> None:
    told = isolated(value + "\u2069\u202e", rtl=rtl)
    inner = told.removeprefix(FSI).removesuffix(PDI)
    assert not set("\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e") & set(inner)
    assert told.startswith(FSI) == told.endswith(PDI)
    assert not rtl or told.startswith(FSI)


def test_markup_in_a_fact_stays_text() -> None:
    text = one("gdpr", "en", replace(FACTS, company="<img src=x onerror=y>", officer='a"><script>'))
    assert {tag for tag, _ in Elements(text.html).found}.isdisjoint({"img", "script"})


# --- what each law asks for -----------------------------------------------------------------------------------


def test_california_has_its_title_and_five_headings() -> None:
    headings = ["What Happened", "What Information Was Involved", "What We Are Doing", "What You Can Do"]
    headings.append("For More Information")
    text = one("california", "en")
    assert text.subject == "Notice of Data Breach"
    assert text.text.startswith("Notice of Data Breach\n")
    lines = text.text.split("\n")
    assert [line for line in lines if line in headings] == headings
    for language in LANGUAGES:
        translated = one("california", language).text
        assert all(heading in translated for heading in ["Notice of Data Breach", *headings])


@pytest.mark.parametrize("language", LANGUAGES)
def test_massachusetts_says_neither_nature_nor_number(language: str) -> None:
    template = TemplateShelf().get("massachusetts", language)
    assert template.placeholders().isdisjoint({"noticed_on", "occurred_from", "occurred_to", "fields", "measures"})
    assert not any(sign.isdigit() for text in template.texts() for sign in text)
    same = {one("massachusetts", language, fields=fields).text for fields in (("email",), ("email", "name"), FIELDS)}
    assert len(same) == 1


@pytest.mark.parametrize(
    ("law", "blocks"),
    [
        ("korea", {"damages"}),
        ("japan", {"cause", "consequences"}),
        ("china", {"cause", "consequences", "doing"}),
        ("brazil", {"safeguards", "officer"}),
        ("gdpr", {"officer", "consequences", "doing"}),
        ("canada", {"happened", "doing", "you_can"}),
    ],
)
def test_what_else_a_law_asks_for(law: str, blocks: set[str]) -> None:
    for language in LANGUAGES:
        assert blocks <= {block.name for block in TemplateShelf().get(law, language).blocks}


@pytest.mark.parametrize(
    ("law", "old", "new", "fault"),
    [
        ("gdpr", "{officer}", "us", "{officer} is missing"),
        ("gdpr", "{noticed_on}", "{when}", "there is no placeholder {when}"),
        ("gdpr", "{noticed_on}", "{noticed_on", "a brace"),
        ("gdpr", "Dear customer", "<b>Dear</b>", "markup"),
        ("gdpr", "Dear customer", "See https://x.example", "a link"),
        ("gdpr", "Dear customer", "www.x.example", "a link"),
        ("gdpr", "Dear customer", "Dear\\u202Ecustomer", "invisible"),
        ("california", '"Notice of Data Breach"', '"A note"', "the title lacks 'Notice of Data Breach'"),
        ("california", "What You Can Do", "Tips", "no heading 'What You Can Do'"),
        ("massachusetts", "Dear customer", "412 customers", "numbers are forbidden"),
        ("massachusetts", "Dear customer", "Dear ٤١٢ customers", "numbers are forbidden"),
        ("massachusetts", "Dear customer", "On {noticed_on}", "{noticed_on} is forbidden"),
        ("massachusetts", '"rights"', '"happened"', "the block happened is forbidden"),
        ("korea", 'name = "damages"', 'name = "other"', "the block damages is missing"),
        ("japan", 'name = "cause"', 'name = "other"', "the block cause is missing"),
    ],
)
def test_a_template_of_ones_own_is_checked(tmp_path: Path, law: str, old: str, new: str, fault: str) -> None:
    content = shipped(law, "en").decode()
    assert old in content
    (tmp_path / law).mkdir()
    path = tmp_path / law / "en.toml"
    path.write_text(content, encoding="utf-8")
    template = TemplateShelf(tmp_path).get(law, "en")
    assert template.sha256 == TemplateShelf().get(law, "en").sha256, "the same bytes are the same template"
    assert not template.shipped
    path.write_text(content.replace(old, new), encoding="utf-8")
    with pytest.raises(ResponseError) as raised:
        TemplateShelf(tmp_path).get(law, "en")
    assert fault in raised.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"law = ",
        b'law = "gdpr"',
        b'law = "korea"\nlanguage = "en"',
        shipped("gdpr", "en").replace(b'"{c', b'1 #"{c'),
    ],
)
def test_what_is_no_template_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ResponseError):
        parsed(content, "gdpr", "en")


def test_unknown_laws_and_languages_are_told() -> None:
    with pytest.raises(UsageError, match="no template for the law"):
        TemplateShelf().get("atlantis", "en")
    with pytest.raises(UsageError, match="in the language"):
        TemplateShelf().get("gdpr", "xx")


@pytest.mark.parametrize(
    ("jurisdiction", "law"),
    [
        ("DE", "gdpr"), ("GB", "gdpr"), ("US-CA", "california"), ("us_ca", "california"), ("CA", "canada"),
        ("CA-ON", "canada"), ("US-MA", "massachusetts"), ("US-NY", "general"), ("US", "general"), ("KR", "korea"),
        ("JP-13", "japan"), ("CN", "china"), ("BR", "brazil"), ("IR", "general"), (None, "general"), ("", "general"),
    ],
)  # fmt: skip
def test_residence_decides_the_law(jurisdiction: str | None, law: str) -> None:
    assert law_of(jurisdiction) == law


@pytest.mark.parametrize(
    ("locale", "language"),
    [("fa_IR", "fa"), ("pt-BR", "pt"), ("zh-Hans-CN", "zh"), ("DE", "de"), ("it", "en"), (None, "en"), ("", "en")],
)
def test_the_locale_decides_the_language(locale: str | None, language: str) -> None:
    assert language_of(locale, "en") == language


def test_every_shipped_template_passes_its_own_law_and_massachusetts_refuses_the_others() -> None:
    for template in ALL:
        assert faults_of(template, laws()[template.law]) == ()
        if template.law not in ("massachusetts",):
            assert faults_of(template, laws()["massachusetts"])


# --- the mail -------------------------------------------------------------------------------------------------


def head(signer: DkimSigner, name: str = "Basar & Söhne") -> Letterhead:
    tokens = NoticeTokens(SECRET)
    return Letterhead(
        name, "privacy@basar.example", "privacy@basar.example", "bounces", "basar.example", tokens, signer
    )


@pytest.mark.parametrize(("law", "language"), [*itertools.product(["gdpr", "massachusetts"], LANGUAGES)])
def test_the_mail_holds_the_text_and_is_signed(law: str, language: str) -> None:
    text = one(law, language)
    unaddressed = rendered(TemplateShelf().get(law, language), FACTS, ("email",))
    raw = MailForm(unaddressed, head(DkimSigner(key(), "basar.example", "n1"))).message(
        REFERENCE, "c@mail.example", NOW
    )
    assert dkim.verify(raw, dnsfunc=lambda *_, **__: public_key())
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == text.subject
    assert message["Content-Language"] == language
    assert message["From"].addresses[0].display_name == "Basar & Söhne"
    plain, marked = message.iter_parts()
    # A text part has CRLF line ends before it is encoded (RFC 2046, section 4.1.1).
    assert plain.get_content() == text.text.replace("\n", "\r\n")
    assert marked.get_content() == text.html.replace("\n", "\r\n")


@settings(max_examples=40)
@given(st.integers(0, 400), st.integers(0, 130), st.integers(1, 4))
def test_the_reference_may_stand_anywhere(before: int, between: int, times: int) -> None:
    body = "x" * before + ("\ue000reference\ue000" + "y" * between) * times + "\n"
    text = Rendered("en", "s", body, body)
    raw = MailForm(text, head(DkimSigner(ed25519.Ed25519PrivateKey.generate(), "b.example", "n1"))).message(
        REFERENCE, "c@mail.example", NOW
    )
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for part in message.iter_parts():
        assert part.get_content() == body.replace("\ue000reference\ue000", REFERENCE).replace("\n", "\r\n")


def test_an_added_sender_breaks_the_signature() -> None:
    """Without oversigning a second From would be shown and the signature still hold (RFC 6376, 8.15)."""
    form = MailForm(
        rendered(TemplateShelf().get("gdpr", "en"), FACTS, ("email",)), head(DkimSigner(key(), "b.example", "n"))
    )
    raw = form.message(REFERENCE, "c@mail.example", NOW)

    def dns(*_: object, **__: object) -> bytes:
        return public_key()

    assert dkim.verify(raw, dnsfunc=dns)
    assert dkim.verify(b"X-Other: evil@x.example\r\n" + raw, dnsfunc=dns), "a field that is not signed may be added"
    assert not dkim.verify(b"From: evil@x.example\r\n" + raw, dnsfunc=dns)


def test_ed25519_signs_the_hash_of_what_rsa_signs() -> None:
    """RFC 8463, section 3: PureEdDSA over the SHA-256 of the canonical fields."""
    private = ed25519.Ed25519PrivateKey.generate()
    signer = DkimSigner(private, "b.example", "n")
    draft = MailForm(rendered(TemplateShelf().get("gdpr", "en"), FACTS, ("email",)), head(signer)).draft(
        REFERENCE, "c@mail.example", NOW
    )
    field = draft.signed().removesuffix(draft.rest)
    assert field.startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
    signature = b64decode(field.rpartition(b"b=")[2].replace(b"\r\n ", b""))
    private.public_key().verify(signature, hashlib.sha256(draft.unsigned.content).digest())


def test_short_keys_are_refused() -> None:
    with pytest.raises(ResponseError, match="1024 bits"):
        DkimSigner(rsa.generate_private_key(65537, 1024), "b.example", "n")  # noqa: S505 - that is the point


def test_signing_without_the_lock_gives_the_same_signature() -> None:
    sign = unlocked_rsa_signer(key())
    if sign is None:
        pytest.skip("the system has no libcrypto that ctypes finds")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    for content in (b"", b"x" * 10_000, bytes(range(256))):
        assert sign(content) == key().sign(content, PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("template", ALL, ids=lambda template: template.name)
def test_what_was_done_is_said_under_its_heading(template: Template) -> None:
    """A template that has a place for measures has their sentences too: with one measure, and with two."""
    if "measures" not in template.placeholders():
        return
    for measures in (MEASURES[:1], MEASURES[:2]):
        text = one(template.law, template.language, replace(FACTS, measures=measures)).text
        for measure in measures:
            words = re.sub(r"[\s\u2068\u2069]+", " ", template.measures[measure]).strip()
            assert words in re.sub(r"[\s\u2068\u2069]+", " ", text)


def test_sentences_that_are_not_there_are_missing_also_where_there_would_be_two() -> None:
    bare = replace(TemplateShelf().get("general", "en"), measures={})
    with pytest.raises(ResponseError, match="needs measures"):
        rendered(bare, replace(FACTS, measures=MEASURES[:2]), ("email",))
