"""A campaign's seller: what only he could make counts most, and nobody can frame a rival beyond a doubt."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.domains import canonical_host, domain_of_link, label_of, listed, registrable, tells_who
from leaktrace.mailroom.lookalikes import brand_words, edits, names_brand, names_in, resembles
from leaktrace.mailroom.sellers import (
    FULL_BITS,
    PRIOR_BITS,
    SellerMatch,
    SellerTable,
    Witness,
    weights_of,
)
from leaktrace.records import Authentication, DkimResult, Original, Recipient, SellerFacts
from tests.mailroom.handmade_mail import original

ACME = SellerFacts("s1", "Acme Outdoor Ltd.", ("acme-outdoor.com", "www.acme.co.uk"))
RIVAL = SellerFacts("s2", "Bergwerk", ("bergwerk.de",))
FREE = SellerFacts("s3", "Kitchen Corner", ("gmail.com",))
SELLERS = (ACME, RIVAL, FREE)


def other(**values: object) -> Original:
    """An original that shows nobody unless told to."""
    return original(**({"sender": "x@unknown-sender.net", "subject": "Spring is coming soon"} | values))  # type: ignore[arg-type]


def match(*originals: Original) -> SellerMatch:
    return SellerTable(SELLERS).match(originals)


# --- domains ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("news.shop.acme.co.uk", "acme.co.uk"),
        ("ACME.com.", "acme.com"),
        ("one.myshopify.com", "one.myshopify.com"),
        ("a.shop.example", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("localhost", None),
        ("192.168.0.1", None),
        ("co.uk", None),
        ("a..b", None),
        ("a b.com", None),
        ("", None),
        (".", None),
        ("ü" * 80 + ".com", None),
    ],
)
def test_the_domain_somebody_registered(host: str, owner: str | None) -> None:
    assert registrable(host) == owner


@given(st.text(max_size=30))
@example("0.\u00a8")
def test_any_text_has_an_owner_or_none(text: str) -> None:
    found = registrable(text)
    assert found is None or (registrable(found) == found and (canonical_host(text) or "").endswith(found))
    assert domain_of_link("http://" + text) is None or "." in str(domain_of_link("http://" + text))


def test_links_lists_and_labels() -> None:
    assert domain_of_link("https://user@go.acme.co.uk:8443/x?y=1") == "acme.co.uk"
    assert domain_of_link("mailto:Deals@acme.co.uk?subject=x") == "acme.co.uk"
    assert domain_of_link("http://[::1") is None
    assert domain_of_link("cid:part1") is None
    assert not tells_who(None)
    assert label_of("xn--bcher-kva.example") == "bücher"
    assert label_of("xn--\u00e4.example") == "xn--ä"
    assert all(registrable(domain) == domain for domain in listed("freemail"))
    assert all("." in domain and domain == domain.lower() for domain in listed("shared"))


# --- what points to a seller ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "clue"),
    [
        (other(sender="x@mail.acme-outdoor.com", dkim=("acme-outdoor.com",), grade="G4"), "signed"),
        (other(sender="x@relay.net", dkim=("news.acme.co.uk",)), "signed"),
        (other(sender="x@acme.co.uk"), "from"),
        (other(sender="x@acme.co.uk", grade="G1", form="inline-html"), "from-inline"),
        (other(reply_to="x@shop.acme.co.uk"), "reply-to"),
        (other(links=("https://go.acme-outdoor.com/x",)), "link"),
        (other(dkim=("acme.co.uk",), dkim_result="no_key"), "signer-unchecked"),
        (other(sender_name="ACME Outdoor"), "name"),
        (other(sender_name="The AcmeOutdoor Team"), "name"),
        (other(subject="New at Acmé Outdoor!"), "subject"),
        (other(sender="x@acme-outdoor.net"), "look-alike"),
    ],
)
def test_each_kind_of_evidence_gives_its_bits(shown: Original, clue: str) -> None:
    found = match(shown, replace(shown, recipients=(Recipient("lee@customer.example", None, "to"),)))
    assert found.seller == "s1"
    assert clue in found.clues
    strongest = max(FULL_BITS[term.kind] for term in found.terms)
    assert found.terms[0].bits == found.terms[0].ceiling_bits == strongest
    odds = 2 ** (PRIOR_BITS + sum(term.bits for term in found.terms))
    assert found.probability == pytest.approx(odds / (1 + odds), abs=0.001)
    assert found.reason.startswith("Acme Outdoor Ltd.: ")
    assert ((found.probability or 0.0) > 0.5) == (clue == "signed")


def test_all_that_anybody_can_write_comes_to_even_odds() -> None:
    everything = other(
        sender="x@acme-outdoor.com", sender_name="Acme Outdoor", subject="Acme Outdoor sale", reply_to="x@acme.co.uk",
        links=("https://acme.co.uk/shop/1", "https://acme-outdoor.com/dp/AB1234"), dkim=("acme.co.uk",),
        dkim_result="no_key",
    )  # fmt: skip
    found = match(*[everything] * 50)
    assert found.seller == "s1"
    assert found.probability is not None
    assert 0.2 < found.probability <= 0.5
    order = [FULL_BITS[clue] for clue in ("signed", "replayed", "from", "from-inline", "link", "name", "look-alike")]
    assert order == sorted(set(order), reverse=True)


def test_a_broken_signature_is_worth_nothing() -> None:
    for result in ("fail", "body_hash_mismatch", "error", "expired", "unsupported"):
        assert match(other(dkim=("acme.co.uk",), dkim_result=result)).seller is None


def test_nobody_is_matched_and_said_so() -> None:
    for nothing in (other(), other(sender=None, subject=None), other(sender="x@gmail.com")):
        found = match(nothing)
        assert (found.seller, found.probability) == (None, None)
        assert "No seller's" in found.reason
    assert "no original" in match().reason
    assert SellerTable([]).match([other()]).seller is None


def test_two_sellers_seen_alike_are_none_with_the_reason() -> None:
    both = match(other(links=("https://acme.co.uk/", "https://bergwerk.de/")))
    assert (both.seller, both.probability) == (None, None)
    assert "Acme Outdoor Ltd. and Bergwerk" in both.reason
    shared = SellerFacts("s9", "Twin", ACME.domains)
    assert SellerTable([ACME, shared]).match([other(sender="x@acme.co.uk")]).seller is None


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(
        [
            other(sender="x@acme.co.uk"),
            other(links=("https://bergwerk.de/",)),
            other(sender_name="Bergwerk", grade="G1"),
            other(sender="x@acme.co.uk", dkim=("acme.co.uk",)),
            other(sender="x@acme-outd00r.com"),
            other(),
        ]
    ),
    st.permutations(SELLERS),
    st.integers(1, 6),
)
def test_no_order_matters(originals: list[Original], sellers: list[SellerFacts], count: int) -> None:
    chosen = originals[:count]
    expected = SellerTable(SELLERS).match(sorted(chosen, key=repr))
    assert SellerTable(sellers).match(chosen) == expected
    if not any(item.authentication.dkim for item in chosen):
        assert SellerTable(sellers).match(chosen * 3).probability == expected.probability


# --- framing --------------------------------------------------------------------------------------------------


def naive_match(originals: list[Original]) -> str | None:
    """Whoever is linked to or named is the sender: what a framer counts on."""
    for seller in SELLERS:
        for item in originals:
            if any(domain in url for domain in seller.domains for url in item.links):
                return seller.seller
    return None


def framed(**values: object) -> Original:
    """A mail by somebody unknown that points at Bergwerk in every way that is free."""
    return other(
        **(
            {
                "sender_name": "Bergwerk",
                "subject": "Bergwerk spring sale",
                "reply_to": "shop@bergwerk.de",
                "links": ("https://www.bergwerk.de/sale",),
            }
            | values
        )
    )


def people(count: int) -> list[Witness]:
    """So many reporters, each with a mailbox of his own at a provider."""
    return [Witness(f"p{n}q@gmail.com", b"p%d" % n, b"p%d" % n) for n in range(count)]


def sent_to(item: Original, told: Witness, role: str = "to") -> Original:
    return replace(item, recipients=(Recipient(told.address, None, role),))  # type: ignore[arg-type]


def test_a_seller_framed_with_links_names_and_reply_to_is_at_most_even() -> None:
    mails = [framed() for _ in range(30)]
    assert naive_match(mails) == "s2"
    found = match(*mails)
    assert found.probability is not None
    assert found.probability <= 0.5


def test_a_rival_linked_to_in_a_sellers_signed_mail_is_not_the_answer() -> None:
    told = people(5)
    signed = framed(sender="x@acme-outdoor.com", dkim=("acme-outdoor.com",), grade="G4")
    found = SellerTable(SELLERS).match([sent_to(signed, one) for one in told], told)
    assert naive_match([signed]) == "s2"
    assert found.seller == "s1"
    assert found.probability is not None
    assert found.probability > 0.9
    assert "Bergwerk is seen too" in found.reason


def test_a_forged_from_beside_anothers_links_is_doubted() -> None:
    found = match(*[framed(sender="x@acme-outdoor.com")] * 5)
    assert found.seller in {"s1", None}
    alone = match(*[other(sender="x@acme-outdoor.com")] * 5)
    assert alone.probability is not None
    assert (found.probability or 0.0) < alone.probability


def test_a_signed_mail_sent_again_by_somebody_else_is_never_the_signers() -> None:
    told = people(20)
    genuine = other(
        sender="x@bergwerk.de",
        dkim=("bergwerk.de",),
        grade="G4",
        to="someone.else@gmail.com",
        message_id="one@bergwerk",
    )
    for copies in (
        [genuine] * 20,
        # The envelope's recipient is the customer; the signed To is not.
        [replace(genuine, recipients=(*genuine.recipients, Recipient(one.address, None, "rcpt"))) for one in told],
        # The customer's address in a To that the signature does not cover.
        [
            replace(
                sent_to(genuine, one),
                authentication=Authentication((DkimResult("bergwerk.de", "s1", "pass", ("from",)),), None, True),
            )
            for one in told
        ],
        # What was added below a signed part.
        [replace(sent_to(genuine, one), flags=("partial_body_signed",)) for one in told],
    ):
        assert {name for item in copies for name in (item.authentication.dkim[0].domain,)} == {"bergwerk.de"}
        found = SellerTable(SELLERS).match(copies, told)
        assert (found.probability or 0.0) <= 0.5
        assert found.impersonated == "s2"
        assert "Somebody pretends to be Bergwerk" in found.impersonation_reason
    mine = SellerTable(SELLERS).match([sent_to(genuine, one) for one in told], told)
    assert (mine.probability or 0.0) > 0.9
    assert mine.impersonated is None


def test_a_few_planted_genuine_mails_in_a_forged_campaign_decide_nothing() -> None:
    told = people(20)
    planted = other(sender="x@bergwerk.de", dkim=("bergwerk.de",), grade="G4")
    forged = framed(sender="x@bergwerk.de")
    for count in (0, 2, 5, 9):
        mails = [sent_to(planted if n < count else forged, one) for n, one in enumerate(told)]
        found = SellerTable(SELLERS).match(mails, told)
        assert found.seller in {"s2", None}
        assert (found.probability or 0.0) <= 0.5


def test_one_person_with_many_mailboxes_cannot_decide() -> None:
    sybils = [Witness(f"m{n}@own-domain.net", b"m%d" % n, b"*@own-domain.net") for n in range(30)]
    honest = people(8)
    planted = other(sender="x@bergwerk.de", dkim=("bergwerk.de",), grade="G4")
    real = other(sender="x@acme.co.uk", dkim=("acme.co.uk",), grade="G4")
    mails = [sent_to(planted, one) for one in sybils] + [sent_to(real, one) for one in honest]
    by_head = SellerTable(SELLERS).match(mails, [replace(one, house=one.person) for one in [*sybils, *honest]])
    assert by_head.seller == "s2"
    found = SellerTable(SELLERS).match(mails, [*sybils, *honest])
    assert found.seller == "s1"
    assert (found.probability or 0.0) > 0.5
    alone = SellerTable(SELLERS).match([sent_to(planted, one) for one in sybils], sybils)
    assert (alone.probability or 0.0) <= 0.5


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_no_house_has_more_say_than_its_ceiling(pairs: list[tuple[int, int]]) -> None:
    told = [Witness(None, b"%d.%d" % pair, b"%d" % pair[0]) for pair in pairs]
    weights = weights_of(told)
    for house in {pair[0] for pair in pairs}:
        say = sum(weight for weight, pair in zip(weights, pairs, strict=True) if pair[0] == house)
        assert say == pytest.approx(min(3, len({pair for pair in pairs if pair[0] == house})))


# --- the registry -----------------------------------------------------------------------------------------------


def test_a_shop_below_somebody_elses_domain_a_product_a_brand_and_a_mailbox_are_his() -> None:
    row = SellerFacts(
        "s7", "Oak & Pine", ("gmail.com",), None, ("https://www.market.example/shop/oak",), ("AB-1234",),
        ("Eichenhaus",),
        ("address:11",),
    )  # fmt: skip
    table = SellerTable([row, RIVAL], lambda address: "address:11" if address.startswith("oak@") else "address:22")
    shown = {
        "shop-link": other(links=("http://market.example/shop/oak/sale?x=1",)),
        "product": replace(other(), marks=("product:ab-1234",)),
        "name": other(sender_name="Eichenhaus"),
        "reply-address": other(reply_to="oak@gmail.com"),
    }
    for clue, item in shown.items():
        found = table.match([item])
        assert (found.seller, found.clues) == ("s7", (clue,))
    assert table.match([other(links=("https://market.example/shop/oakland",))]).seller is None
    assert table.match([other(reply_to="elm@gmail.com")]).seller is None


# --- pretence -----------------------------------------------------------------------------------------------------


def test_somebody_pretends_to_be_a_seller() -> None:
    wrong = other(sender="x@bergwerk.de", dkim=("bergwerk.de",), dkim_result="fail")
    elsewhere = other(sender="x@bergwerk.de", links=("https://burner-outlet.net/",))
    alike = other(sender="x@bergvverk.de", links=("https://bergvverk.de/",))
    for item, says in ((wrong, "is wrong"), (elsewhere, "lead elsewhere"), (alike, "resembles his")):
        found = match(*[item] * 4)
        assert found.impersonated == "s2"
        assert says in found.impersonation_reason
        assert (found.probability or 0.0) <= 0.5
        assert match(item, *[other(sender="x@bergwerk.de", links=("https://bergwerk.de/",))] * 4).impersonated is None


# --- resemblance ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "domain",
    [
        "acme-outdoor.net",
        "acme-outdoor-sale.com",
        "acmeoutdoorshop.com",
        "my-acme-outdoor.com",
        "acmeoutdoor.com",
        "acrne-outdoor.com",
        "acme-0utdoor.com",
        "acme-outdor.com",
        "amce-outdoor.com",
        "xn--acm-outdoor-jgh.com",
        "acme-ouŧdoor.com".encode("idna").decode(),
        "аcme-outdооr.com".encode("idna").decode(),
        "acme-outdoοr.com".encode("idna").decode(),
        "get-acme-outdoor.com",
    ],
)
def test_look_alikes_are_flagged_with_less(domain: str) -> None:
    assert registrable(domain) == domain
    found = match(other(sender=f"sales@{domain}"))
    assert found.seller == "s1", resembles(domain, "acme-outdoor.com")
    assert found.probability is not None
    assert found.probability <= 0.3
    assert found.impersonated == "s1"
    assert "somebody may pretend to be this seller" in found.reason


@pytest.mark.parametrize(
    "domain", ["outdoor.com", "acmeglobalresearchinstitute.org", "aim.dev", "berg.de", "unknown.org"]
)
def test_other_domains_are_not(domain: str) -> None:
    assert match(other(sender=f"sales@{domain}")).seller is None


@pytest.mark.parametrize("host", ["acme-outdoor.com.secure-login.net", "www.acme-outdoor-com.shop-burner.org"])
def test_a_sellers_domain_in_front_of_another_one_is_a_look_alike(host: str) -> None:
    for item in (other(links=(f"https://{host}/x",)), other(sender=f"x@{host}")):
        found = match(item)
        assert (found.seller, found.clues[0], found.impersonated) == ("s1", "look-alike", "s1")
        assert "a host of another domain that begins with acme-outdoor.com" in found.reason
    assert match(other(links=("https://shop.acme-outdoor.com/x",))).clues == ("link",)


def test_a_domain_that_another_seller_registered_pretends_to_nobody() -> None:
    mail = other(sender="x@bergwerk.com", links=("https://bergwerk.com/sale",))
    assert match(mail).impersonated == "s2"
    namesake = SellerFacts("s4", "Bergwerk Tools", ("bergwerk.com",))
    found = SellerTable((*SELLERS, namesake)).match([mail])
    assert (found.seller, found.impersonated) == ("s4", None)


def test_short_names_resemble_nothing_and_a_domain_not_itself() -> None:
    assert resembles("abc.net", "abc.com") is None
    assert resembles("acme.com", "acme.com") is None
    assert resembles("x" * 60 + ".com", "acme.com") is None


@given(st.text("abcd", max_size=7), st.text("abcd", max_size=7), st.text("abcd", max_size=7))
def test_edits_are_a_symmetric_count(one: str, two: str, three: str) -> None:
    assert edits(one, one) == 0
    assert edits(one, two) == edits(two, one)
    assert abs(len(one) - len(two)) <= edits(one, two) <= max(len(one), len(two))
    assert edits(one + three, two + three) <= edits(one, two)


def test_a_swap_is_one_edit() -> None:
    assert edits("amce", "acme") == 1
    assert edits("kitten", "sitting") == 3


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Café Müller GmbH", "cafe muller", True),
        ("CafeMüller news", "Café Müller", True),
        ("Müller", "Café Müller", False),
        ("ABC", "ABC Ltd", True),
        ("learn your abc", "ABC Ltd", False),
        ("欢迎光临京东商城", "京东", True),
        ("فروشگاه دیجی کالا", "دیجی کالا", True),
        ("anything", "", False),
        ("", "Acme", False),
        ("the company", "The Company", True),
    ],
)
def test_a_brand_in_a_text(text: str, name: str, expected: bool) -> None:
    assert names_brand(names_in(text), brand_words(name)) is expected


def test_a_large_sellers_table_takes_a_second_or_two() -> None:
    many = [SellerFacts(f"s{n}", f"Brand{n} Goods", (f"brand{n}-goods.com", f"b{n}.shop")) for n in range(10_000)]
    mails = [other(sender="x@brand77-goods.com", subject=f"Offer number {n} for you") for n in range(40)]
    started = time.process_time()
    found = SellerTable(many).match(mails)
    assert time.process_time() - started < 15
    assert found.seller == "s77"
