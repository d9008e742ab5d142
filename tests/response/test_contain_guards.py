"""The guards of containing: secrets, certificates, redirects, forged and replayed calls, states, contain.toml."""

from __future__ import annotations

import io
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.report.contain import render_plan
from leaktrace.response.contain import (
    Secret,
    UnreachableError,
    Urllib3Http,
    parameters_of,
    people_refusals,
    read_config,
    secret_from_file,
    signed_headers,
    statement_text,
    verified_body,
)
from leaktrace.response.contain.http import CEILING_BYTES, checked_url
from leaktrace.response.contain.interface import Reading
from leaktrace.response.contain.plan import joined_state, state_of
from tests.response.containing import CASE, SELLER, STATEMENT, SUBJECT, Desk, hook_toml, person, scim_toml
from tests.response.fake_systems import Marketplace, Reply, ScimServer, served
from tests.response.fakes_response import TwoPeople

# --- secrets and addresses --------------------------------------------------------------------------------


def test_a_secret_does_not_show_itself(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("hunter2\n", encoding="utf-8")
    path.chmod(0o600)
    secret = secret_from_file(path)
    assert secret.reveal() == b"hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"


@pytest.mark.parametrize(
    ("content", "mode", "why"), [("x", 0o644, "Others"), ("", 0o600, "one line"), ("a\nb", 0o600, "one")]
)
def test_a_secret_file_is_the_owners_and_holds_one_line(content: str, mode: int, why: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(ResponseError, match=why):
        secret_from_file(path)
    with pytest.raises(ResponseError, match="cannot be read"):
        secret_from_file(tmp_path / "none")


@pytest.mark.parametrize(
    "url",
    ["http://idp.example/scim", "ftp://idp.example", "https://me:pw@idp.example", "https://me:pw@[idp", "idp", ""],
)
def test_secrets_go_over_https_only(url: str) -> None:
    with pytest.raises(ResponseError) as caught:
        checked_url(url)
    assert "pw" not in str(caught.value)
    assert checked_url("https://idp.example/scim")
    assert checked_url("http://127.0.0.1:8080/scim")


def test_a_redirect_is_not_followed_with_the_secret() -> None:
    seen: list[str] = []

    def answer(_: str, path: str, headers: dict[str, str], __: bytes) -> Reply:
        seen.append(path)
        return (302, None) if path == "/" else (200, {"stolen": headers.get("authorization")})

    with served(answer) as url:
        # The attack, without the guard: the secret arrives at an address that the other side chose.
        stolen = urllib3.PoolManager().request("GET", f"{url}/", headers={"Authorization": "Bearer hunter2"})
        assert stolen.json() == {"stolen": "Bearer hunter2"}
        seen.clear()
        got = Urllib3Http(timeout_seconds=5).send("GET", f"{url}/", {"Authorization": "Bearer hunter2"})
    assert got.status == 302
    assert not got.ok
    assert seen == ["/"]


def test_an_endless_answer_and_no_answer_are_unreachable() -> None:
    with (
        served(lambda *_: (200, b"x" * (CEILING_BYTES + 1))) as url,
        pytest.raises(UnreachableError, match="more than"),
    ):
        Urllib3Http(timeout_seconds=5).send("GET", url, {})
    with pytest.raises(UnreachableError) as caught:
        Urllib3Http(timeout_seconds=1).send("GET", "http://127.0.0.1:9/users/a.meyer", {})
    assert "a.meyer" not in str(caught.value)


@contextmanager
def _tls_server(folder: Path) -> Any:
    """A server with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}/", folder / "cert.pem"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_certificate_nobody_vouches_for_ends_the_call(tmp_path: Path) -> None:
    with _tls_server(tmp_path) as (url, certificate):
        with pytest.raises(UnreachableError):
            Urllib3Http(timeout_seconds=5).send("GET", url, {})
        assert Urllib3Http(timeout_seconds=5, ca_file=certificate).send("GET", url, {}).status == 200


# --- signed calls -----------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRETS = {"k1": Secret(b"one"), "k2": Secret(b"two")}
BODY = b'{"account":"s-1","action":"block_seller"}'


def signed(**changes: Any) -> dict[str, Any]:
    headers = signed_headers("POST", "https://m.example/contain?x=1", BODY, "k1", SECRETS["k1"], NOW, "n1")
    return {"method": "POST", "path": "/contain?x=1", "headers": headers, "body": BODY, "now": NOW, **changes}


def believe(call: dict[str, Any], seen: set[str] | None = None) -> bytes:
    return verified_body(
        call["method"],
        call["path"],
        call["headers"],
        call["body"],
        secrets_by_key_id=SECRETS,
        now=call["now"],
        seen_nonces=seen if seen is not None else set(),
    )


def test_a_signed_call_is_believed_once() -> None:
    seen: set[str] = set()
    assert believe(signed(), seen) == BODY
    with pytest.raises(ResponseError, match="sent before"):
        believe(signed(), seen)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY.replace(b"s-1", b"s-2")},
        {"path": "/contain?x=2"},
        {"method": "GET"},
        {"now": NOW + timedelta(seconds=301)},
        {"now": NOW - timedelta(seconds=301)},
        {"headers": {**signed()["headers"], "Leaktrace-Key-Id": "k2"}},
        {"headers": {**signed()["headers"], "Leaktrace-Key-Id": "k3"}},
        {"headers": {**signed()["headers"], "Leaktrace-Nonce": "n2"}},
        {"headers": {**signed()["headers"], "Leaktrace-Timestamp": "1"}},
        {"headers": {**signed()["headers"], "Leaktrace-Signature": ""}},
        {"headers": {}},
    ],
    ids=lambda changes: "-".join(changes) if isinstance(changes, dict) else None,
)
def test_whatever_was_changed_it_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(ResponseError, match="not believed"):
        believe(signed(**changes))


# --- decisions --------------------------------------------------------------------------------------------

READINGS = st.lists(st.builds(Reading, st.sampled_from([True, False, None]), st.just("")), max_size=4)


@given(READINGS)
def test_contained_is_said_only_when_every_reading_says_so(readings: list[Reading]) -> None:
    state = state_of(readings, undo=False)
    assert (state == "contained") == (bool(readings) and all(one.active is False for one in readings))
    assert (state == "failed") == any(one.active is True for one in readings)


@given(st.lists(st.sampled_from(["contained", "not_confirmed", "failed"]), max_size=4))
def test_a_subject_is_as_its_worst_system(states: list[Any]) -> None:
    joined = joined_state(states)
    assert (joined == "contained") == (bool(states) and set(states) == {"contained"})
    assert (joined == "failed") == ("failed" in states)


@given(
    st.lists(st.sampled_from(["approver", "admin", "investigator"]), max_size=6), st.sampled_from(["approver", "admin"])
)
def test_the_subject_never_counts_among_those_who_remain(others: list[str], role: str) -> None:
    subject = person("sue", role, principal="agent-7")
    people = [subject, *(person(f"p{number}", one) for number, one in enumerate(others))]
    enough = others.count("approver") >= 2 if role == "approver" else "admin" in others
    assert (not people_refusals(people, "agent-7")) == enough
    gone = [replace(one, active=one is subject) for one in people]
    assert people_refusals(gone, "agent-7")


# --- contain.toml -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('kind = "scim"', 'kind = "ldap"', "kind is"),
        ('kind = "scim"', 'kind = "scim"\nadmin_group = "a\\u0000b"', "admin_group is no line of text"),
        ('for = "principal"', 'for = "everybody"', "for is"),
        ('secret_file = "scim"', "", "secret_file is missing"),
        ('secret_file = "scim"', 'secret_file = "none"', "cannot be read"),
        ("administrators", "adminstrators", "no key"),
        ('["root", "alice"]', '"root"', "no list"),
        ("http://127.0.0.1:1", "http://idp.example", "https"),
        ('on_call = "Call +49 1234."', "", "on_call"),
        ("confirm_within_seconds = 30", "confirm_within_seconds = 0", "confirm_within_seconds"),
        ('schema = "leaktrace.contain/1"', "", "schema"),
        ('{ agent-7 = "a.meyer" }', "{ agent-7 = 7 }", "accounts"),
        ('kind = "scim"', 'kind = "scim"\nforms = ["magic"]', "forms are"),
        ('kind = "scim"', 'kind = "scim"\naccount = "fixed"', "no {name}"),
        ('kind = "scim"', 'kind = "scim"\naccounts_file = "none.csv"', "cannot be read"),
        ('kind = "scim"', 'kind = "scim"\ntimeout_seconds = 0', "timeout_seconds"),
        ("[systems.corp]", "[systems.corp", "not TOML"),
        ("Section 7.2: no advertising mail to customers without their consent.", " ", "terms_clause"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(old: str, new: str, why: str, tmp_path: Path) -> None:
    Desk(tmp_path, scim_toml("http://127.0.0.1:1") + STATEMENT)
    path = tmp_path / "contain.toml"
    assert read_config(path, lambda: NOW).of_kind("principal")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ResponseError, match=why):
        read_config(path, lambda: NOW)


def test_a_file_that_is_too_long_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    """A system named behind the ceiling would be left out, and never be contained."""
    Desk(tmp_path, scim_toml("http://127.0.0.1:1"))
    path = tmp_path / "contain.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# " + "x" * 5_000_000, encoding="utf-8")
    with pytest.raises(ResponseError, match="larger than 5000000 bytes"):
        read_config(path, lambda: NOW)


def test_accounts_come_from_a_file_too(tmp_path: Path) -> None:
    Desk(tmp_path, scim_toml("http://127.0.0.1:1", 'accounts_file = "accounts.csv"'))
    (tmp_path / "accounts.csv").write_text("name,account\nagent-7,other\nagent-8,eight\n", encoding="utf-8")
    (system,) = read_config(tmp_path / "contain.toml", lambda: NOW).of_kind("principal")
    targets = {name: system.target("P-1", name) for name in ("agent-7", "agent-8", "agent-9")}
    assert {name: one and one.account for name, one in targets.items()} == {
        "agent-7": "a.meyer",
        "agent-8": "eight",
        "agent-9": None,
    }
    assert "eight" not in repr(targets["agent-8"])


def test_a_statement_of_reasons_has_all_its_parts(tmp_path: Path) -> None:
    with served(Marketplace()) as url:
        plan = Desk(tmp_path, hook_toml(url)).containment().plan(SELLER, "seller")
    assert plan.statement is not None
    text = statement_text(plan.statement)
    for needed in ("Takes effect", "Where:", "For how long:", "Facts:", "Ground:", "What you can do:"):
        assert needed in text
    assert "takes_effect_at" not in parameters_of(plan)["statement"]


# --- how surely a seller is tied to the mails ---------------------------------------------------------------

WORDS = "The seller's own shop is where every link of the mails ends, bought and seen by us (E-0007)."


def _tied(folder: Path, url: str, probability: str | None) -> Desk:
    desk = Desk(folder, hook_toml(url))
    desk.facts = replace(desk.facts, seller_probability=probability)
    return desk


@pytest.mark.parametrize(
    ("probability", "enough"), [("0.4000", False), ("0.8999", False), ("0.9000", True), ("1.0000", True), (None, False)]
)
def test_a_seller_who_is_tied_loosely_is_not_blocked_without_words(
    probability: str | None, enough: bool, tmp_path: Path
) -> None:
    market = Marketplace()
    with served(market) as url:
        desk = _tied(tmp_path, url, probability)
        plan = desk.containment().plan(SELLER, "seller")
        assert (not plan.refusals) == enough, plan.refusals
        # Two people who agree to the plan all the same get nowhere: it is refused again before anything is done.
        request = TwoPeople(desk.diary, desk.clock).agree(CASE, plan.action, plan.subject, parameters_of(plan))
        if enough:
            assert desk.run(SELLER, "seller", request=request).state == "contained"
            return
        with pytest.raises(ResponseError, match="nothing more is needed"):
            desk.run(SELLER, "seller", request=request)
    assert market.states.get(SELLER, "active") == "active"
    assert not market.bodies


def test_what_ties_a_seller_is_signed_and_told_to_the_seller(tmp_path: Path) -> None:
    market = Marketplace()
    with served(market) as url:
        desk = _tied(tmp_path, url, "0.4000")
        request = desk.agree(SELLER, "seller", justification=WORDS)
        assert desk.diary.parameters[request]["tie"] == {
            "probability": "0.4000", "threshold": "0.9", "justification": WORDS,
        }  # fmt: skip
        # A newer finding with another chance is not what was signed.
        desk.facts = replace(desk.facts, seller_probability="0.3000")
        with pytest.raises(ApprovalError, match="something else"):
            desk.run(SELLER, "seller", request=request)
        desk.facts = replace(desk.facts, seller_probability="0.4000")
        assert desk.run(SELLER, "seller", request=request).state == "contained"
        (body,) = market.bodies
    assert any(WORDS in fact for fact in body["statement_of_reasons"]["facts"])


def test_words_that_nobody_needs_are_not_kept(tmp_path: Path) -> None:
    with served(Marketplace()) as url:
        plan = _tied(tmp_path, url, "0.9500").containment().plan(SELLER, "seller", justification=WORDS)
    assert plan.tie is not None
    assert plan.tie.justification is None
    assert WORDS not in str(parameters_of(plan))


# --- what no system has to be asked for ---------------------------------------------------------------------


def test_a_request_that_cannot_be_carried_out_reaches_no_system(tmp_path: Path) -> None:
    server = ScimServer()
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        request, other = desk.agree(), desk.agree()
        assert desk.run(request=request).state == "contained"
        late = desk.clock.now
        for asked, undo, why, now in (
            (request, False, "carried out already", late),
            (request, True, "used for something else", late),
            (other, True, "about something else", late),
            (other, False, "expired", late + timedelta(hours=2)),
            ("A-9999", False, "no request", late),
        ):
            desk.clock.now = now
            server.calls.clear()
            with pytest.raises(ApprovalError, match=why):
                desk.run(request=asked, undo=undo)
            assert not server.calls, why
        desk.clock.now = late
        desk.run(request=other)
        assert server.calls  # so that the list can tell


def shown(renderable: RenderableType) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_a_plan_says_what_the_case_lacks_before_it_may_be_asked_for(tmp_path: Path) -> None:
    server = ScimServer()
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        assert "MAY BE ASKED FOR" in shown(render_plan(desk.containment().plan(SUBJECT, "principal")))
        desk.unmet = "2 check(s) are open (absent, remote_help)."
        told = shown(render_plan(desk.containment().plan(SUBJECT, "principal")))
    assert "MAY BE ASKED FOR" not in told
    assert "NOT YET" in told
    assert "Not yet: 2 check(s) are open (absent, remote_help)." in told


def test_a_plan_says_what_speaks_against_its_subject(tmp_path: Path) -> None:
    server = ScimServer()
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        assert "What speaks against it" not in shown(render_plan(desk.containment().plan(SUBJECT, "principal")))
        before = desk.containment().plan(SUBJECT, "principal")
        desk.against = (f"{SUBJECT}: a colleague [/red] had been shown 11 of 12 as well.",)
        plan = desk.containment().plan(SUBJECT, "principal")
    told = shown(render_plan(plan))
    assert f"What speaks against it\n- {SUBJECT}: a colleague [/red] had been shown 11 of 12" in told
    assert plan.against == desk.against
    assert plan.parameters_sha256 == before.parameters_sha256, "what is signed is what is done"
