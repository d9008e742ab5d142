"""A signed call to a system of the company's own: suspends an account, or blocks a seller with the reasons.

The signature is HMAC-SHA256 over `v1`, key id, time, nonce, method, path with query and the body's SHA-256, each on a
line of its own. The receiver checks it with `verified_body` or does the same in its own language (docs/contain.md):
the time within five minutes, the nonce unseen, the comparison in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, MutableSet
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from leaktrace.caserecords import StepName, canonical
from leaktrace.errors import ResponseError
from leaktrace.response.contain.http import Http, HttpAnswer, Secret, UnreachableError
from leaktrace.response.contain.interface import Acted, Order, Reading, Snapshot, Target, TargetKind

KEY_ID = "Leaktrace-Key-Id"
TIMESTAMP = "Leaktrace-Timestamp"
NONCE = "Leaktrace-Nonce"
SIGNATURE = "Leaktrace-Signature"
TOLERANCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class WebhookConnector:
    """One receiver of signed calls."""

    system: str
    url: str
    status_url: str | None
    """Answers a signed GET with {"state": "active" | "contained"}; `{account}` stands for the account."""
    key_id: str
    secret: Secret
    http: Http
    clock: Callable[[], datetime]
    administrators: frozenset[str] = frozenset()

    def steps(self, kind: TargetKind, *, undo: bool) -> tuple[StepName, ...]:
        """One call; the receiver ends sessions itself."""
        if kind == "seller":
            return ("unblock_seller",) if undo else ("block_seller",)
        return ("restore",) if undo else ("suspend",)

    def before(self, target: Target) -> Snapshot:
        """What the receiver says of the account; where it has no status address, only that it is not known."""
        names = {name.casefold() for name in self.administrators}
        last: bool | None = False
        if target.kind == "principal":
            last = None if not names else target.account.casefold() in names and len(names) == 1
        reading = self._status(target)
        state = {True: "active", False: "contained", None: "not said"}[reading.active]
        return Snapshot(self.system, True, target.account, reading.active, state, last)

    def act(self, step: StepName, target: Target, snapshot: Snapshot, order: Order) -> Acted:
        """Sends the call; the receiver knows a call again by its request and step."""
        del snapshot
        body = canonical(
            {
                "schema": "leaktrace.contain/1",
                "action": step,
                "kind": target.kind,
                "account": target.account,
                "case": order.case,
                "request": order.request,
                "reason": order.reason,
                "statement_of_reasons": order.statement,
            }
        )
        try:
            answer = self._send("POST", self.url, body)
        except UnreachableError:
            return Acted(False, f"{step}: no answer", again=True)
        return Acted(answer.ok, f"{step}: {answer.status}", again=answer.busy)

    def read_back(self, step: StepName, target: Target, snapshot: Snapshot) -> Reading | None:
        """What the receiver says of the account now."""
        del step, snapshot
        return self._status(target)

    def _status(self, target: Target) -> Reading:
        if self.status_url is None:
            return Reading(None, "no status address is configured")
        try:
            answer = self._send("GET", self.status_url.replace("{account}", quote(target.account, safe="")), b"")
        except UnreachableError:
            return Reading(None, "cannot be read")
        document = answer.document() if answer.ok else None
        state = document.get("state") if isinstance(document, dict) else None
        active = {"active": True, "contained": False}.get(state) if isinstance(state, str) else None
        return Reading(active, "does not say" if active is None else f"is {state}")

    def _send(self, method: str, url: str, body: bytes) -> HttpAnswer:
        headers = signed_headers(method, url, body, self.key_id, self.secret, self.clock(), secrets.token_hex(16))
        if method == "POST":
            headers["Content-Type"] = "application/json"
        return self.http.send(method, url, headers, body if method == "POST" else None)


def signed_headers(
    method: str, url: str, body: bytes, key_id: str, secret: Secret, at: datetime, nonce: str
) -> dict[str, str]:
    """The headers that sign one request."""
    timestamp = str(int(at.timestamp()))
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return {
        KEY_ID: key_id,
        TIMESTAMP: timestamp,
        NONCE: nonce,
        SIGNATURE: "v1=" + _mac(secret.reveal(), key_id, timestamp, nonce, method, path, body),
    }


def verified_body(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets_by_key_id: Mapping[str, Secret],
    now: datetime,
    seen_nonces: MutableSet[str],
) -> bytes:
    """The body, once its signature, time and nonce were checked, in this order; ResponseError else. For receivers."""
    given = {name.lower(): value for name, value in headers.items()}
    key_id, timestamp = given.get(KEY_ID.lower(), ""), given.get(TIMESTAMP.lower(), "")
    nonce, signature = given.get(NONCE.lower(), ""), given.get(SIGNATURE.lower(), "")
    secret = secrets_by_key_id.get(key_id)
    expected = "v1=" + _mac(secret.reveal() if secret else b"", key_id, timestamp, nonce, method, path, body)
    if secret is None or not hmac.compare_digest(expected.encode(), signature.encode()):
        raise _refused("its signature does not hold")
    if not timestamp.isdigit() or abs(now.astimezone(UTC).timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise _refused("it is too old, or from the future")
    if nonce in seen_nonces:
        raise _refused("it was sent before")
    seen_nonces.add(nonce)
    return body


def _mac(secret: bytes, key_id: str, timestamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    lines = ["v1", key_id, timestamp, nonce, method, path, hashlib.sha256(body).hexdigest()]
    return hmac.new(secret, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def _refused(why: str) -> ResponseError:
    return ResponseError(f"The call is not believed: {why}.", "It was not sent by leaktrace, or it was changed.")
