"""The one seam to systems that contain: HTTP with checked certificates, ceilings, no redirects, secrets from files."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3

from leaktrace.errors import ResponseError
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret

CEILING_BYTES = 1_000_000
CEILING_SECRET_BYTES = 16_384
_READS = frozenset({"GET", "HEAD"})


class Secret:
    """Something only its user may read. Shows itself neither in `repr` nor in a format, nor in an error."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def reveal(self) -> bytes:
        """The bytes, for the one call that needs them."""
        return self._value


def secret_from_file(path: Path) -> Secret:
    """The secret in a file that only its owner can read; ResponseError where others can, or there is none."""
    try:
        value = read_secret(path, CEILING_SECRET_BYTES + 1).strip()
    except OSError as error:
        raise ResponseError(
            f"The secret file {path} cannot be read: {error.strerror}.", "contain.toml names it as secret_file."
        ) from error
    except ReadByOthersError as error:
        raise ResponseError(f"Others can read the secret file {path}.", only_owner(path)) from error
    if not value or len(value) > CEILING_SECRET_BYTES or b"\n" in value or b"\r" in value:
        raise ResponseError(
            f"The secret file {path} does not hold one line.", "Put the secret in it, and nothing else."
        )
    return Secret(value)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def document(self) -> Any:
        """The JSON in the body; null where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def ok(self) -> bool:
        """2xx; a redirect is none."""
        return 200 <= self.status < 300

    @property
    def busy(self) -> bool:
        """Whether a later try may do better: too many requests, or a fault over there."""
        return self.status in {429, 500, 502, 503, 504}


class Http(Protocol):
    """Sends one request."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> HttpAnswer:
        """The answer; UnreachableError where there was none."""


class UnreachableError(ResponseError):
    """No answer came: what the other side did is not known."""


class Urllib3Http:
    """HTTP by urllib3."""

    def __init__(self, *, timeout_seconds: float = 15.0, ca_file: Path | None = None) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=4,
            timeout=urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(ca_file) if ca_file else None,
        )

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> HttpAnswer:
        """The answer, at most a megabyte of it; never follows a redirect, which would carry the secret elsewhere."""
        checked_url(url)
        try:
            answer = self._pool.request(
                method,
                url,
                headers=dict(headers),
                body=body,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = answer.read(CEILING_BYTES + 1)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            # The error's own text may hold the address with the account in it.
            raise UnreachableError(
                f"{urlsplit(url).hostname} gave no answer to a {method} ({_reason(error)}).",
                "Nothing was asked of it but to answer: try again when it is reachable."
                if method in _READS
                else "Whether it did what was asked is not known until it is read back.",
            ) from None
        if len(content) > CEILING_BYTES:
            raise UnreachableError(
                f"{urlsplit(url).hostname} answered with more than {CEILING_BYTES} bytes.", "Look there."
            )
        return HttpAnswer(answer.status, content, {name.lower(): value for name, value in answer.headers.items()})


def _reason(error: Exception) -> str:
    """What went wrong, without the address that the error's own text may hold."""
    match error:
        case urllib3.exceptions.NewConnectionError():
            return "no connection"
        case urllib3.exceptions.TimeoutError():
            return "no answer in time"
        case urllib3.exceptions.SSLError():
            return "its certificate is not trusted"
        case _:
            return type(error).__name__


def checked_url(url: str) -> str:
    """The URL, when it is https, or http on this machine; ResponseError else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        # Not `from error`, and without the URL: it may hold a password.
        raise ResponseError("A URL in contain.toml cannot be taken apart: its host is none.", "Mend it.") from None
    if parts.username or parts.password:
        raise ResponseError("A URL in contain.toml holds a user name or password.", "Use secret_file.")
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and _is_loopback(parts.hostname):
        return url
    raise ResponseError(
        f"{parts.scheme or 'no'}://{parts.hostname or ''} is no https address.", "Secrets go over https only."
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
