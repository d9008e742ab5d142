"""Time-stamps over a checkpoint, by a real authority (`openssl ts`) that the tests make, over real HTTP."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from leaktrace.cases.custody.timestamp import (
    Inconclusive,
    Timestamped,
    fetch_by_http,
    judge,
    parse_chain,
    request_timestamp,
)
from leaktrace.errors import CustodyError
from tests.cases.custody_logs import checkpoint_of, log_of

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the Debian package openssl"),
]

CONFIG = """
[ req ]
distinguished_name = dn
prompt = no
[ dn ]
CN = {name}
[ ca ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[ stamping ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[ serving ]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = critical, serverAuth
[ tsa ]
default_tsa = tsa1
[ tsa1 ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
CONTENT = b"leaktrace/5f2c6a90d1e4b387\n12\nroot\n"


class Authority:
    """A time-stamp authority of one root and one stamping certificate, as `openssl ts -reply` runs it."""

    def __init__(self, folder: Path, purpose: str = "stamping") -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "serial").write_text("01\n")
        for name in ("root", "tsa"):
            (folder / f"{name}.cnf").write_text(CONFIG.format(name=f"{name} of the tests", folder=folder))
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._run("req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-days", "30",
                  "-config", "root.cnf", "-extensions", "ca")  # fmt: skip
        self._run("req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-config", "tsa.cnf")
        self._run("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                  "-out", "tsa.pem", "-days", "30", "-extfile", "tsa.cnf", "-extensions", purpose)  # fmt: skip
        self.chain = (folder / "tsa.pem").read_bytes() + (folder / "root.pem").read_bytes()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def answer(self, request: bytes) -> bytes:
        """The response to a request in DER."""
        (self.folder / "request").write_bytes(request)
        self._run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request", "-out", "response")
        return (self.folder / "response").read_bytes()

    def fetch(self, _url: str, request: bytes) -> bytes:
        """As `Fetch`, without a network."""
        return self.answer(request)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return request_timestamp(CONTENT, "https://tsa.example", authority.fetch)


@pytest.fixture
def served(authority: Authority) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        """RFC 3161, section 3.4; `/moved` and `/large` misbehave."""

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            body = b"x" * 200_000 if self.path == "/large" else authority.answer(request)
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_checkpoint_is_stamped_over_http_and_both_checkers_accept(authority: Authority, served: str) -> None:
    text = checkpoint_of(log_of(12)).note.partition("\n\n")[0].encode() + b"\n"
    token = request_timestamp(text, served)
    found = judge(text, token, authority.chain)
    assert isinstance(found, Timestamped)
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=5)
    assert found.authority == "CN=tsa of the tests"


def test_other_content_another_root_and_a_changed_token_are_refused(
    authority: Authority, token: bytes, tmp_path: Path
) -> None:
    assert isinstance(judge(CONTENT, token, authority.chain), Timestamped)
    with pytest.raises(CustodyError, match="does not hold"):
        judge(CONTENT + b"x", token, authority.chain)
    stranger = Authority(tmp_path / "other")
    with pytest.raises(CustodyError, match="does not hold"):
        judge(CONTENT, token, stranger.chain)
    changed = bytearray(token)
    changed[-10] ^= 1
    with pytest.raises(CustodyError):
        judge(CONTENT, bytes(changed), authority.chain)
    with pytest.raises(CustodyError):
        judge(CONTENT, b"x" * 200_000, authority.chain)


def test_a_certificate_for_another_purpose_is_no_authority(tmp_path: Path) -> None:
    """openssl itself refuses to stamp with it, so the token is a good one and the chain is the bad part."""
    good = Authority(tmp_path / "good")
    token = request_timestamp(CONTENT, "https://tsa.example", good.fetch)
    bad = Authority(tmp_path / "bad", purpose="serving")
    with pytest.raises(CustodyError):
        judge(CONTENT, token, bad.chain)


def test_where_only_one_checker_can_look_nothing_is_passed(
    authority: Authority, token: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = judge(CONTENT, token, authority.chain)
    assert isinstance(found, Inconclusive)
    assert "openssl is not installed" in found.reason


def test_where_the_checkers_disagree_nothing_is_passed(authority: Authority, token: bytes) -> None:
    """openssl also takes certificates that come out of order; the other checker takes the first for the authority's."""
    root, tsa = (authority.folder / name for name in ("root.pem", "tsa.pem"))
    chain = root.read_bytes() + tsa.read_bytes() + root.read_bytes()
    found = judge(CONTENT, token, chain)
    assert isinstance(found, Inconclusive)
    assert "openssl accepts" in found.reason


def test_an_answer_to_another_request_is_refused(authority: Authority) -> None:
    old: list[bytes] = []

    def replayed(url: str, request: bytes) -> bytes:
        old.append(authority.fetch(url, request))
        return old[0]

    request_timestamp(CONTENT, "https://tsa.example", replayed)
    with pytest.raises(CustodyError, match="another request"):
        request_timestamp(CONTENT, "https://tsa.example", replayed)


def test_a_refusal_is_told(authority: Authority) -> None:
    with pytest.raises(CustodyError, match="refused"):
        request_timestamp(CONTENT, "https://tsa.example", lambda _, __: authority.answer(b"not a request"))
    with pytest.raises(CustodyError, match="not a time-stamp"):
        request_timestamp(CONTENT, "https://tsa.example", lambda _, __: b"<html>")


def test_what_the_network_may_do(served: str) -> None:
    for path, told in (("/moved", "answered with status 302"), ("/large", "longer than")):
        with pytest.raises(CustodyError, match=told):
            request_timestamp(CONTENT, served + path)
    with pytest.raises(CustodyError, match="did not answer"):
        fetch_by_http("http://127.0.0.1:9", b"x")
    with pytest.raises(CustodyError, match="begins with"):
        request_timestamp(CONTENT, "file:///etc/hostname")


@pytest.mark.parametrize("raw", [b"", b"-----BEGIN CERTIFICATE-----\n", b"x" * 300_000])
def test_what_is_no_chain(raw: bytes) -> None:
    with pytest.raises(CustodyError):
        parse_chain(raw)
