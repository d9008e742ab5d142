"""Envelopes and approvals: two different people over exactly this; attacks are shown on a naive check first."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.caserecords import (
    APPROVAL_PAYLOAD_TYPE,
    ApprovalPayload,
    CaseHead,
    Person,
    Role,
    canonical,
    digest_of,
)
from leaktrace.cases.signing.approval import (
    Asked,
    Standing,
    approve_envelope,
    payload_of,
    request_envelope,
    verify_approval,
)
from leaktrace.cases.signing.dsse import Envelope, SignerKey, pae, parse_envelope, signed, signed_too, verify
from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import ApprovalError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = {name: PersonKey.fresh(name) for name in ("ina", "otto", "eve", "paula", "boss")}
HEAD = CaseHead("K-1", 7, "ab" * 32)
PAYLOAD = ApprovalPayload(
    case="K-1",
    request="A-0001",
    action="contain_principal",
    target="P-1a2b",
    parameters_sha256=digest_of({"connector": "scim"}),
    case_head=HEAD,
    requested_by="ina",
    requested_at=NOW,
    expires_at=NOW + timedelta(days=1),
    reason="named at 0.997",
)
ASKED = Asked("K-1", "A-0001", "contain_principal", "P-1a2b", PAYLOAD.parameters_sha256, HEAD)


def person(name: str, *roles: Role, principal: str | None = None) -> Person:
    key = KEYS[name]
    return Person(name, frozenset(roles), key.key_id, key.public_key, principal)


PEOPLE = {
    "ina": person("ina", "investigator", principal="u-ina"),
    "otto": person("otto", "approver", principal="u-otto"),
    "eve": person("eve", "investigator", "approver", principal="u-eve"),
    "paula": person("paula", "privacy_officer"),
    "boss": person("boss", "approver", "admin", principal="u-boss"),
}
STANDING = Standing(
    people=PEOPLE,
    roles={name: one.roles for name, one in PEOPLE.items()},
    subjects=frozenset({"u-subject"}),
    reports_to={"u-subject": "u-manager", "u-ina": "u-lead"},
)


def envelope(payload: ApprovalPayload = PAYLOAD, requester: str = "ina", approver: str = "otto") -> bytes:
    asked = request_envelope(payload, KEYS[requester])
    return approve_envelope(asked, payload, KEYS[approver])


def check(raw: bytes, standing: Standing = STANDING, asked: Asked = ASKED, now: datetime = NOW) -> Any:
    return verify_approval(raw, asked=asked, standing=standing, now=now)


# --- DSSE ----------------------------------------------------------------------------------------------------


def test_the_encoding_is_that_of_the_specification() -> None:
    # DSSE v1, protocol.md: the example of its test vectors.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.text(max_size=20), st.binary(max_size=20), st.text(max_size=20), st.binary(max_size=20))
def test_two_different_contents_are_never_signed_alike(kind: str, body: bytes, other: str, other_body: bytes) -> None:
    assert (pae(kind, body) == pae(other, other_body)) == ((kind, body) == (other, other_body))


def naive_by_key_id(raw: bytes, people: dict[str, Person]) -> set[str]:
    """A verifier that believes KEYID: whoever the id names has signed, if any known key verifies."""
    read = parse_envelope(raw)
    by_id = {one.key_id: one.name for one in people.values()}
    message = pae(read.payload_type, read.payload)
    found = set()
    for signature in read.signatures:
        for one in people.values():
            try:
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.public_key)).verify(signature.signature, message)
            except InvalidSignature:
                continue
            found.add(by_id.get(signature.key_id, one.name))
    return found


def test_one_person_cannot_sign_for_two_by_writing_another_key_id() -> None:
    honest = signed(APPROVAL_PAYLOAD_TYPE, canonical(PAYLOAD), KEYS["ina"])
    doubled = signed_too(honest, KEYS["ina"])
    lying = replace(
        doubled, signatures=(doubled.signatures[0], replace(doubled.signatures[1], key_id=KEYS["otto"].key_id))
    )
    assert naive_by_key_id(lying.to_bytes(), PEOPLE) == {"ina", "otto"}  # the attack
    keys = [SignerKey(one.name, one.public_key) for one in PEOPLE.values()]
    with pytest.raises(ApprovalError, match="the key they have now; 1 has"):
        verify(lying, keys, 2)
    with pytest.raises(ApprovalError):
        check(lying.to_bytes())


def test_two_keys_of_one_person_are_one_person() -> None:
    second = PersonKey.fresh("ina")
    both = signed_too(signed("t", b"x", KEYS["ina"]), second)
    keys = [SignerKey("ina", KEYS["ina"].public_key), SignerKey("ina", second.public_key)]
    assert len({key.public_key for key in keys}) == 2  # counting keys would see two
    with pytest.raises(ApprovalError, match="the key they have now; 1 has"):
        verify(both, keys, 2)
    assert verify(both, keys, 1).people == {"ina"}


def test_one_key_of_two_people_is_refused() -> None:
    keys = [SignerKey("ina", KEYS["ina"].public_key), SignerKey("otto", KEYS["ina"].public_key)]
    with pytest.raises(ApprovalError, match="same key"):
        verify(signed("t", b"x", KEYS["ina"]), keys, 1)


def test_key_ids_may_be_missing_or_wrong() -> None:
    both = signed_too(signed("t", b"x", KEYS["ina"]), KEYS["otto"])
    nameless = replace(both, signatures=tuple(replace(one, key_id="") for one in both.signatures))
    keys = [SignerKey(one.name, one.public_key) for one in PEOPLE.values()]
    assert verify(parse_envelope(nameless.to_bytes()), keys, 2).people == {"ina", "otto"}


def test_a_threshold_below_one_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="threshold"):
        verify(signed("t", b"x", KEYS["ina"]), [], 0)


def test_url_safe_base64_is_read_too() -> None:
    document = json.loads(signed("t", b"\xfb\xff\xfe", KEYS["ina"]).to_bytes())
    document["payload"] = base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()
    assert parse_envelope(json.dumps(document).encode()).payload == b"\xfb\xff\xfe"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"payload":"","payloadType":"t","signatures":[]}',
        b'{"payload":"!","payloadType":"t","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":1,"signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"t","signatures":[1]}',
        b'{"payload":"","payloadType":"t","signatures":[{"keyid":1,"sig":""}]}',
        b'{"payload":"","payload":"","payloadType":"t","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"t","signatures":[' + b",".join([b'{"sig":""}'] * 17) + b"]}",
        b" " * 1_000_001,
    ],
)
def test_what_is_no_envelope(raw: bytes) -> None:
    with pytest.raises(ApprovalError):
        parse_envelope(raw)


# --- approvals -----------------------------------------------------------------------------------------------


def test_two_people_over_exactly_this_are_an_approval() -> None:
    approved = check(envelope())
    assert approved.payload == PAYLOAD
    assert approved.approved_by == "otto"
    assert len(approved.envelope_sha256) == 64
    undo = replace(PAYLOAD, requested_by="paula", action="undo_containment")
    asked = replace(ASKED, action="undo_containment")
    assert check(envelope(undo, requester="paula"), asked=asked).approved_by == "otto"


def test_who_asks_has_a_role_that_may_ask_for_just_that() -> None:
    with pytest.raises(ApprovalError, match="paula may not request"):
        check(envelope(replace(PAYLOAD, requested_by="paula"), requester="paula"))


def test_nobody_decides_about_who_is_further_up_or_down_their_line() -> None:
    line = {"u-subject": "u-lead", "u-lead": "u-otto"}
    with pytest.raises(ApprovalError, match="the manager of a subject"):
        check(envelope(), standing=replace(STANDING, reports_to=line))
    line = {"u-otto": "u-lead", "u-lead": "u-subject"}
    with pytest.raises(ApprovalError, match="reports to a subject"):
        check(envelope(), standing=replace(STANDING, reports_to=line))


ASKED_OTHERWISE: dict[str, Callable[[], Asked]] = {
    "case": lambda: replace(ASKED, case="K-2"),
    "request": lambda: replace(ASKED, request="A-0002"),
    "action": lambda: replace(ASKED, action="contain_seller"),
    "target": lambda: replace(ASKED, target="P-9z9z"),
    "parameters": lambda: replace(ASKED, parameters_sha256=digest_of({"connector": "okta"})),
    "state of the case": lambda: replace(ASKED, case_head=replace(HEAD, event_count=8)),
}


@pytest.mark.parametrize("what", ASKED_OTHERWISE)
def test_an_approval_is_for_nothing_else(what: str) -> None:
    with pytest.raises(ApprovalError, match=f"another {what}"):
        check(envelope(), asked=ASKED_OTHERWISE[what]())


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (lambda: request_envelope(PAYLOAD, KEYS["ina"]), "two signatures"),
        (lambda: envelope(approver="ina"), "the key they have now; 1 has"),
        (lambda: envelope(requester="otto", approver="boss"), "ina has not signed"),
        (lambda: envelope(approver="paula"), "paula may not approve"),
        (lambda: envelope(replace(PAYLOAD, requested_by="boss"), "boss", "otto"), "boss may not request"),
        (lambda: signed_too(parse_envelope(envelope()), KEYS["eve"]).to_bytes(), "two signatures"),
    ],
)
def test_who_must_have_signed(raw: Callable[[], bytes], told: str) -> None:
    with pytest.raises(ApprovalError, match=told):
        check(raw())


def test_a_stranger_counts_for_nothing() -> None:
    stranger = PersonKey.fresh("otto")
    raw = approve_envelope(request_envelope(PAYLOAD, KEYS["ina"]), PAYLOAD, stranger)
    with pytest.raises(ApprovalError, match="the key they have now; 1 has"):
        check(raw)


def test_a_replaced_key_no_longer_approves() -> None:
    """Rotation and loss: what was signed with the earlier key is asked for anew."""
    rotated = replace(PEOPLE["otto"], public_key=PersonKey.fresh("otto").public_key)
    with pytest.raises(ApprovalError, match="the key they have now; 1 has"):
        check(envelope(), replace(STANDING, people={**PEOPLE, "otto": rotated}))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda: replace(STANDING, locked_out=frozenset({"otto"})), "locked out"),
        (lambda: replace(STANDING, locked_out=frozenset({"ina"})), "locked out"),
        (lambda: replace(STANDING, people={**PEOPLE, "otto": replace(PEOPLE["otto"], active=False)}), "locked out"),
        (lambda: replace(STANDING, subjects=frozenset({"u-otto"})), "otto may not decide here: a subject of the case"),
        (lambda: replace(STANDING, subjects=frozenset({"u-ina"})), "ina may not decide here: a subject of the case"),
        (lambda: replace(STANDING, reports_to={"u-subject": "u-otto"}), "otto may not decide here: the manager"),
        (lambda: replace(STANDING, reports_to={"u-subject": "u-ina"}), "ina may not decide here: the manager"),
        (lambda: replace(STANDING, reports_to={"u-otto": "u-subject"}), "otto may not decide here: reports to"),
        (lambda: replace(STANDING, roles={**STANDING.roles, "otto": frozenset()}), "otto may not approve"),
        (lambda: replace(STANDING, roles={"otto": frozenset({"approver"})}), "ina may not request"),
        (
            lambda: replace(STANDING, people={**PEOPLE, "otto": replace(PEOPLE["otto"], principal="u-ina")}),
            "one account",
        ),
    ],
)
def test_who_may_not(changed: Callable[[], Standing], told: str) -> None:
    check(envelope())
    with pytest.raises(ApprovalError, match=told):
        check(envelope(), changed())


def test_time() -> None:
    raw = envelope()
    check(raw, now=PAYLOAD.expires_at - timedelta(microseconds=1))
    with pytest.raises(ApprovalError, match="expired"):
        check(raw, now=PAYLOAD.expires_at)
    check(raw, now=NOW - timedelta(minutes=4))
    with pytest.raises(ApprovalError, match="future"):
        check(raw, now=NOW - timedelta(hours=1))
    with pytest.raises(ApprovalError, match="longer than"):
        check(envelope(replace(PAYLOAD, expires_at=NOW + timedelta(days=15))))


def test_an_approver_signs_only_what_was_shown() -> None:
    """The requester changes the target between showing and signing."""
    swapped = request_envelope(replace(PAYLOAD, target="P-9z9z"), KEYS["ina"])
    naive = signed_too(parse_envelope(swapped), KEYS["otto"]).to_bytes()  # signing whatever lies there
    assert check(naive, asked=replace(ASKED, target="P-9z9z")).approved_by == "otto"
    with pytest.raises(ApprovalError, match="not the one that was shown"):
        approve_envelope(swapped, PAYLOAD, KEYS["otto"])
    assert payload_of(swapped).target == "P-9z9z"


def _document(**changes: Any) -> bytes:
    document = json.loads(canonical(PAYLOAD))
    document.update(changes)
    return canonical(document)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (canonical(PAYLOAD), "application/json"),
        (canonical(PAYLOAD) + b" ", APPROVAL_PAYLOAD_TYPE),
        (_document(schema="leaktrace.approval/2"), APPROVAL_PAYLOAD_TYPE),
        (_document(action="delete_everything"), APPROVAL_PAYLOAD_TYPE),
        (_document(extra=1), APPROVAL_PAYLOAD_TYPE),
        (_document(parameters_sha256=""), APPROVAL_PAYLOAD_TYPE),
        (_document(target=7), APPROVAL_PAYLOAD_TYPE),
        (_document(case_head={}), APPROVAL_PAYLOAD_TYPE),
        (_document(case_head={"case": "K-1", "event_count": True, "last_commitment": ""}), APPROVAL_PAYLOAD_TYPE),
        (_document(expires_at="2027-01-01T00:00:00"), APPROVAL_PAYLOAD_TYPE),
        (_document(expires_at=None), APPROVAL_PAYLOAD_TYPE),
        (b"[]", APPROVAL_PAYLOAD_TYPE),
        (b"", APPROVAL_PAYLOAD_TYPE),
    ],
)
def test_a_payload_of_another_form_is_no_approval_although_both_signed_it(payload: bytes, kind: str) -> None:
    both = signed_too(signed(kind, payload, KEYS["ina"]), KEYS["otto"])
    with pytest.raises(ApprovalError):
        check(both.to_bytes())


@given(st.integers(0, 5000), st.integers(1, 255))
def test_no_changed_byte_of_an_envelope_gives_another_approval(place: int, flip: int) -> None:
    raw = bytearray(RAW)
    raw[place % len(raw)] ^= flip
    try:
        approved = check(bytes(raw))
    except ApprovalError:
        return
    assert approved.payload == PAYLOAD  # only key ids, which decide nothing, can differ
    assert approved.approved_by == "otto"


RAW = envelope()


def test_an_envelope_survives_being_read_and_written() -> None:
    assert parse_envelope(RAW).to_bytes() == RAW
    assert isinstance(parse_envelope(RAW), Envelope)
