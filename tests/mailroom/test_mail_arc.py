"""ARC chains: the public suite, chains sealed by another program, and what a believed sealer is worth."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import dkim
import pytest
import yaml

from leaktrace.mailroom.arc import check_chain
from leaktrace.mailroom.grades import authenticated_domains
from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import attached, multipart, original
from tests.mailroom.test_mail_attached import Keys, key_pair

CORPORA = Path(os.environ.get("LEAKTRACE_CORPORA", Path(__file__).parents[2] / ".." / "shared" / "corpora"))
SUITE = CORPORA / "arc" / "arc-draft-validation-tests.yml"
BELIEVING = replace(Settings(), believed_sealers=("post.example",))


@pytest.mark.corpora
@pytest.mark.skipif(not SUITE.is_file(), reason="no public corpora: LEAKTRACE_CORPORA names no folder")
def test_the_public_suite() -> None:
    wrong, count = [], 0
    for group in yaml.safe_load_all(SUITE.read_text(encoding="utf-8")):
        keys = {name.lower(): record for name, record in (group["txt-records"] or {}).items()}
        for name, case in group["tests"].items():
            count += 1
            # A chain that an earlier hop ended has no value any more.
            wanted = str(case["cv"]).strip().lower() or "ended"
            found = check_chain((case["message"] or "").encode(), keys).result
            wrong += [(name, wanted, found)] if wanted != found else []
    assert (count, wrong) == (171, [])


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, str]:
    return key_pair()


def sealed(pair: tuple[bytes, str], content: bytes, said: str, domain: str = "mx.post.example") -> bytes:
    """The message as a provider passes it on: what it found out, sealed (by dkimpy)."""
    crlf = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    stamped = f"Authentication-Results: {domain}; {said}\r\n".encode() + crlf
    fields = dkim.arc_sign(
        stamped, b"s1", domain.encode(), pair[0], domain.encode(),
        include_headers=[b"from", b"to", b"subject", b"date"],
    )  # fmt: skip
    assert fields
    return b"".join(fields) + stamped


def keys_of(pair: tuple[bytes, str], domain: str = "mx.post.example") -> Keys:
    return {f"s1._domainkey.{domain}": pair[1]}


def only(content: bytes, keys: Keys | None, settings: Settings = BELIEVING) -> Original:
    (found,) = read_mail(multipart(attached(content)), settings=settings, dns_keys=keys).originals
    return found


PASSED = "dkim=pass (2048-bit key) header.d=vale-shop.example header.s=s1; spf=pass smtp.mailfrom=vale-shop.example"


def test_a_believed_sealer_who_authenticated_the_sender_is_g3(pair: tuple[bytes, str]) -> None:
    found = only(sealed(pair, original(), PASSED), keys_of(pair))
    assert (found.authentication.arc_cv, found.grade) == ("pass", "G3")
    assert "mx.post.example" in found.grade_reason


@pytest.mark.parametrize(
    "said",
    [
        "dkim=fail header.d=vale-shop.example",
        "dkim=pass header.d=mailer.example",
        "spf=pass smtp.mailfrom=vale-shop.example",
        "dmarc=fail header.from=vale-shop.example",
    ],
)
def test_a_sealer_who_did_not_authenticate_the_sender_is_not(pair: tuple[bytes, str], said: str) -> None:
    found = only(sealed(pair, original(), said), keys_of(pair))
    assert (found.authentication.arc_cv, found.grade) == ("pass", "G2")


def test_anybody_can_seal_so_only_those_on_the_list_are_believed(pair: tuple[bytes, str]) -> None:
    # The attack: a forger seals his own forgery, and the chain is whole.
    forged = sealed(pair, original(), PASSED, domain="mx.forger.example")
    keys = keys_of(pair, "mx.forger.example")
    assert check_chain(forged, keys).result == "pass"
    believing_all = replace(Settings(), believed_sealers=("post.example", "forger.example"))
    assert only(forged, keys, believing_all).grade == "G3"
    assert only(forged, keys).grade == "G2"
    assert only(forged, keys, Settings()).grade == "G2"


def test_a_name_that_ends_like_a_believed_one_is_another(pair: tuple[bytes, str]) -> None:
    forged = sealed(pair, original(), PASSED, domain="notpost.example")
    assert only(forged, keys_of(pair, "notpost.example")).grade == "G2"


def test_a_seal_without_its_key_is_no_seal(pair: tuple[bytes, str]) -> None:
    content = sealed(pair, original(), PASSED)
    assert only(content, {}).authentication.arc_cv == "fail"
    assert only(content, None).authentication.arc_cv is None
    assert only(original(), None).authentication.arc_cv == "none"


@pytest.mark.parametrize(
    "change",
    [
        (b"half the price", b"full the price"),
        (b"cv=none", b"cv=pass"),
        (b"header.d=vale-shop.example", b"header.d=vale-shop.exampl2"),
        (b"From: Nora Vale <nora@vale", b"From: Nora Vale <ines@vale"),
        (b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: i=2"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=1; i=1"),
    ],
)
def test_a_changed_chain_fails(pair: tuple[bytes, str], change: tuple[bytes, bytes]) -> None:
    content = sealed(pair, original(), PASSED)
    assert change[0] in content
    found = only(content.replace(*change, 1), keys_of(pair))
    assert (found.authentication.arc_cv, found.grade) == ("fail", "G2")


def test_two_hops(pair: tuple[bytes, str]) -> None:
    once = sealed(pair, original(), PASSED)
    twice = sealed(pair, once, "arc=pass; " + PASSED, domain="list.example")
    keys = keys_of(pair) | keys_of(pair, "list.example")
    chain = check_chain(twice, keys)
    assert (chain.result, chain.sealers) == ("pass", ("list.example", "mx.post.example"))
    # The newest sealer speaks; whoever stands before it is only what the newest says of it.
    assert only(twice, keys).grade == "G2"
    assert only(twice, keys, replace(Settings(), believed_sealers=("list.example",))).grade == "G3"


def test_more_sets_than_allowed_fail_quickly() -> None:
    many = b"".join(b"ARC-Seal: i=%d\r\nARC-Message-Signature: i=%d\r\nARC-Authentication-Results: i=%d\r\n" % (i, i, i)
                    for i in range(1, 60))  # fmt: skip
    assert check_chain(many + original(), {}).result == "fail"


@pytest.mark.parametrize(
    ("results", "domains"),
    [
        ("mx.a; dkim=pass header.i=@shop.example header.s=k", ("shop.example",)),
        ("mx.a; dkim=pass (header.d=rival.example) header.d=shop.example", ("shop.example",)),
        ("mx.a; dmarc=pass (p=NONE) header.from=Shop.Example", ("shop.example",)),
        ("dkim=pass header.d=shop.example", ()),
        ("mx.a; x-dkim=pass header.d=shop.example; dkim=none", ()),
        ("mx.a; dkim=passed header.d=shop.example", ()),
        ("mx.a; dkim=pass header.d=shop.example; dmarc=fail header.from=rival.example", ("shop.example",)),
        ('mx.a; spf=pass smtp.mailfrom="x; dkim=pass header.d=rival.example"@shop.example', ()),
        ('mx.a; spf=pass (of "; dkim=pass (x) header.d=rival.example) smtp.mailfrom=shop.example', ()),
        ("", ()),
    ],
)
def test_what_an_authentication_results_value_says(results: str, domains: tuple[str, ...]) -> None:
    assert authenticated_domains(results) == domains


def test_an_address_in_quotes_vouches_for_nobody() -> None:
    # A believed sealer repeats the sender's address, and its sender chose it.
    results = 'i=1; mx.a; spf=pass smtp.mailfrom="x; dkim=pass header.d=rival.example "@shop.example; dkim=none'
    split_first = [one.strip() for one in results.split(";")]
    assert any(one.startswith("dkim=pass header.d=rival.example") for one in split_first)
    assert authenticated_domains(results) == ()
