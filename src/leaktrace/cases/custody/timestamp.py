"""A time-stamp authority's word on when a checkpoint existed (RFC 3161), judged by two programs that share no code.

The token is asked for without certificates; the authority's chain is kept beside it (PEM: its own certificate first,
the root last). Two checkers judge: rfc3161-client and `openssl ts -verify`. Where they disagree, or one of them cannot
run, the answer is `Inconclusive`, which is no pass.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from leaktrace.errors import CustodyError

MAX_TOKEN_BYTES = 100_000
MAX_CHAIN_CERTIFICATES = 10
_MAX_CHAIN_BYTES = 200_000
_FETCH_SECONDS = 20.0
_OPENSSL_SECONDS = 30.0
_HINT = "Nothing was stored. Ask the authority again, or another one."

Fetch = Callable[[str, bytes], bytes]
"""(URL, request in DER) -> response in DER; raises CustodyError when there is none."""


@dataclass(frozen=True, slots=True)
class Timestamped:
    """Both checkers accept the token."""

    at: datetime
    """The authority's time."""
    authority: str
    """Subject of the authority's certificate."""


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """One checker accepts the token and the other does not, or could not look."""

    reason: str


Judgement = Timestamped | Inconclusive


def fetch_by_http(url: str, request: bytes) -> bytes:
    """POSTs a request to an authority (RFC 3161, section 3.4). No redirects, a ceiling, a time limit."""
    pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=_FETCH_SECONDS))
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        response = pool.request("POST", url, body=request, headers=headers, preload_content=False, redirect=False)
        try:
            body = response.read(MAX_TOKEN_BYTES + 1)
        finally:
            response.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise CustodyError(f"The time-stamp authority did not answer: {type(error).__name__}.", _HINT) from error
    finally:
        pool.clear()
    if len(body) > MAX_TOKEN_BYTES:
        raise CustodyError(f"The time-stamp authority's answer is longer than {MAX_TOKEN_BYTES} bytes.", _HINT)
    if response.status != 200:
        raise CustodyError(f"The time-stamp authority answered with status {response.status}.", _HINT)
    return body


def request_timestamp(content: bytes, url: str, fetch: Fetch = fetch_by_http) -> bytes:
    """The authority's response over these bytes, in DER. Judge it with `judge` before it is kept.

    CustodyError when there is none, it is refused, it is about other bytes, or it answers another request.
    """
    if not url.startswith(("https://", "http://")):
        raise CustodyError("The address of a time-stamp authority begins with https:// or http://.", _HINT)
    builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA512)
    request = builder.cert_request(cert_request=False).build()
    raw = fetch(url, request.as_bytes())
    token = _decoded(raw)
    if token.tst_info.nonce != request.nonce:
        raise CustodyError("The time-stamp is an answer to another request.", _HINT)
    return raw


def parse_chain(raw: bytes) -> tuple[x509.Certificate, ...]:
    """The authority's certificates, its own first and the root last; CustodyError where they are none."""
    try:
        chain = x509.load_pem_x509_certificates(raw) if len(raw) <= _MAX_CHAIN_BYTES else []
    except ValueError as error:
        raise CustodyError("The chain of the time-stamp authority is not PEM.", "Ask the authority for it.") from error
    if not 1 <= len(chain) <= MAX_CHAIN_CERTIFICATES:
        raise CustodyError(
            "The chain of the time-stamp authority holds no certificates, or too many.", "Its own first, the root last."
        )
    return tuple(chain)


def judge(content: bytes, token: bytes, chain: bytes) -> Judgement:
    """When these bytes were time-stamped.

    Checks: 1. form and ceilings, 2. rfc3161-client: status, imprint, signature, chain, purpose, 3. the same by openssl.
    CustodyError where both reject; `Inconclusive` where they differ. The caller owes: that the root in the chain is
    one to be trusted.
    """
    certificates, decoded = parse_chain(chain), _decoded(token)  # 1
    first, second = _by_library(content, decoded, certificates), _by_openssl(content, token, decoded, certificates)
    if first is None and second is None:
        at = decoded.tst_info.gen_time.astimezone(UTC)
        return Timestamped(at, certificates[0].subject.rfc4514_string())
    if first is not None and second is not None and not isinstance(second, _CouldNotLook):
        raise CustodyError(f"The time-stamp does not hold: {first}.", "It is not over this checkpoint, or not by them.")
    if isinstance(second, _CouldNotLook):
        verdict = "accepts" if first is None else "rejects"
        return Inconclusive(f"Only one checker could look, and it {verdict} the token: {second}")
    accepted, refused = ("rfc3161-client", "openssl") if first is None else ("openssl", "rfc3161-client")
    return Inconclusive(f"{accepted} accepts the token and {refused} does not: {first or second}")


class _CouldNotLook(str):
    """Why a checker could not run."""

    __slots__ = ()


def _decoded(raw: bytes) -> TimeStampResponse:
    if len(raw) > MAX_TOKEN_BYTES:
        raise CustodyError("The time-stamp is too large.", _HINT)
    try:
        token = decode_timestamp_response(raw)
        status = token.status
        if status == 0:
            token.tst_info  # noqa: B018 - parsed only when it is asked for
    except ValueError as error:
        raise CustodyError("This is not a time-stamp response.", _HINT) from error
    if status != 0:
        raise CustodyError(f"The time-stamp authority refused (status {status}).", _HINT)
    return token


def _by_library(content: bytes, token: TimeStampResponse, chain: tuple[x509.Certificate, ...]) -> str | None:  # 2
    """Null: accepted; else why not."""
    builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for one in chain[1:-1]:
        builder = builder.add_intermediate_certificate(one)
    try:
        builder.build().verify_message(token, content)
    except (VerificationError, ValueError) as error:
        return str(error)[:200] or type(error).__name__
    return None


def _by_openssl(
    content: bytes, raw: bytes, token: TimeStampResponse, chain: tuple[x509.Certificate, ...]
) -> str | None:  # 3
    """Null: accepted; else why not. A certificate that ran out since is judged at the token's time."""
    program = shutil.which("openssl")
    if program is None:
        return _CouldNotLook("openssl is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        files = {
            "content": content,
            "token": raw,
            "root": chain[-1].public_bytes(Encoding.PEM),
            "chain": b"".join(one.public_bytes(Encoding.PEM) for one in chain[:-1]),
        }
        paths = {name: Path(scratch) / name for name in files}
        for name, written in files.items():
            paths[name].write_bytes(written)
        at = str(int(token.tst_info.gen_time.timestamp()))
        command = [program, "ts", "-verify", "-data", str(paths["content"]), "-in", str(paths["token"])]
        command += ["-CAfile", str(paths["root"]), "-attime", at]
        command += ["-untrusted", str(paths["chain"])] if len(chain) > 1 else []
        try:
            done = subprocess.run(command, capture_output=True, timeout=_OPENSSL_SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            return _CouldNotLook(f"openssl could not run ({type(error).__name__})")
    if done.returncode == 0 and b"Verification: OK" in done.stdout:
        return None
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (told[-1] if told else "openssl says no")[:200]
