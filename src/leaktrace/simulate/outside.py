"""The systems around the simulated marketplace, on this machine's loopback: identity provider, seller desk, mail relay.

Small, real servers for the demo and the tests: the identity provider speaks SCIM 2.0 (RFC 7644) as far as suspending
goes and lists sessions; the seller desk takes signed calls; the relay takes every mail and keeps it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import threading
import uuid
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_BODY_CEILING_BYTES = 1_000_000
_LOOPBACK = "127.0.0.1"
_CONTAIN = """schema = "leaktrace.contain/1"
confirm_within_seconds = 20
on_call = "The simulated security desk."

[systems.identity]
kind = "scim"
for = "principal"
url = "{base}/scim/v2"
secret_file = "scim.token"
administrators = ["root", "second-root"]
account = "{{name}}"

[[systems.identity.end_sessions]]
name = "sign out"
method = "POST"
url = "{base}/sessions/{{reference}}/end"
secret_file = "scim.token"
check_url = "{base}/sessions/{{reference}}"
check_field = "sessions"

[systems.sellers]
kind = "webhook"
for = "seller"
url = "{base}/sellers"
status_url = "{base}/sellers?account={{account}}"
key_id = "demo"
secret_file = "hook.secret"
account = "{{name}}"

[statement]
marketplace = "The simulated marketplace"
terms_clause = "Section 7.2: no advertising mail to customers without their consent."
territory = "All countries in which the marketplace is open."
duration = "Until the investigation has ended."
complaint = "Complain to complaints@market.example; it costs nothing."
dispute = "Mediators are named in section 15 of the terms."
"""


class Outside:
    """Runs the three servers while it is open; `with Outside(folder, users) as outside`."""

    def __init__(self, folder: Path, users: Iterable[str]) -> None:
        self._folder = folder
        self.users = {name: {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "active": True, "sessions": 2}
                      for name in users}  # fmt: skip
        self.blocked_sellers: set[str] = set()
        self.mails: list[tuple[str, bytes]] = []
        self._token, self._secret = secrets.token_hex(16), secrets.token_hex(16)
        self._nonces: set[str] = set()
        self._web = ThreadingHTTPServer((_LOOPBACK, 0), _handler_of(self))
        self._web_thread = threading.Thread(target=self._web.serve_forever, daemon=True)
        self._relay = Controller(_Relay(self), hostname=_LOOPBACK, port=0, server_hostname="relay.market.example")

    @property
    def address(self) -> str:
        """Where the web server listens."""
        return f"http://{_LOOPBACK}:{self._web.server_address[1]}"

    @property
    def relay_port(self) -> int:
        """Where the relay listens."""
        server = self._relay.server
        assert isinstance(server, asyncio.Server), "the relay is not running"  # noqa: S101 - a fault of the caller's
        return int(server.sockets[0].getsockname()[1])

    def __enter__(self) -> Outside:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in (("scim.token", self._token), ("hook.secret", self._secret)):
            _write(self._folder / name, text + "\n")
        _write(self._folder / "contain.toml", _CONTAIN.format(base=self.address))
        self._web_thread.start()
        self._relay.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._relay.stop()
        self._web.shutdown()
        self._web.server_close()
        self._web_thread.join()

    # --- what the servers do -------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """(status, document) of one request."""
        parts = urlsplit(target)
        if parts.path == "/sellers":
            return self._sellers(method, target, headers, body)
        if not hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()):
            return 401, {"detail": "no"}
        pieces = [unquote(piece) for piece in parts.path.strip("/").split("/")]
        match method, pieces:
            case "GET", ["scim", "v2", "Users"]:
                return 200, self._listed(parse_qs(parts.query).get("filter", [""])[0])
            case "GET" | "PATCH", ["scim", "v2", "Users", reference]:
                return self._user(method, reference, body)
            case "GET" | "POST", ["sessions", reference, *_]:
                return self._sessions(method, reference)
        return 404, {"detail": "not here"}

    def _listed(self, wanted: str) -> dict[str, Any]:
        found = [_shown(name, user) for name, user in self.users.items() if wanted == f"userName eq {json.dumps(name)}"]
        return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(found),
                "Resources": found}  # fmt: skip

    def _user(self, method: str, reference: str, body: bytes) -> tuple[int, Any]:
        name = next((name for name, user in self.users.items() if user["id"] == reference), None)
        if name is None:
            return 404, {"detail": "no such user"}
        if method == "PATCH":
            for operation in json.loads(body)["Operations"]:
                if operation.get("path") == "active" and isinstance(operation["value"], bool):
                    self.users[name]["active"] = operation["value"]
        return 200, _shown(name, self.users[name])

    def _sessions(self, method: str, reference: str) -> tuple[int, Any]:
        user = next((user for user in self.users.values() if user["id"] == reference), None)
        if user is None:
            return 404, {"detail": "no such user"}
        if method == "POST":
            user["sessions"] = 0
        return 200, {"sessions": user["sessions"]}

    def _sellers(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Signed calls only: the signature is over key id, time, nonce, method, path and the body's digest."""
        key_id, at, nonce = (headers.get(f"leaktrace-{name}", "") for name in ("key-id", "timestamp", "nonce"))
        lines = "\n".join(["v1", key_id, at, nonce, method, target, hashlib.sha256(body).hexdigest()])
        expected = "v1=" + hmac.new(self._secret.encode(), lines.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers.get("leaktrace-signature", "")) or nonce in self._nonces:
            return 401, {"detail": "not signed, or sent before"}
        self._nonces.add(nonce)
        if method == "POST":
            order = json.loads(body)
            if order["action"] == "block_seller":
                self.blocked_sellers.add(order["account"])
            elif order["action"] == "unblock_seller":
                self.blocked_sellers.discard(order["account"])
            return 200, {}
        account = parse_qs(urlsplit(target).query).get("account", [""])[0]
        return 200, {"state": "contained" if account in self.blocked_sellers else "active"}


def _shown(name: str, user: dict[str, Any]) -> dict[str, Any]:
    schema = "urn:ietf:params:scim:schemas:core:2.0:User"
    return {"schemas": [schema], "id": user["id"], "userName": name, "active": user["active"]}


class _Relay:
    """Takes every mail."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keeps the mail for each recipient."""
        del server, session
        content = envelope.original_content or b""
        self._outside.mails += [(recipient, content) for recipient in envelope.rcpt_tos]
        return "250 taken"


def _handler_of(outside: Outside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self._body())

        def do_PATCH(self) -> None:
            self._answer(self._body())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Says nothing: the demo's screen is for the demo."""

        def _body(self) -> bytes:
            return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _BODY_CEILING_BYTES))

        def _answer(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, document = outside.answer(self.command, self.path, headers, body)
            except (ValueError, KeyError, TypeError):
                status, document = 400, {"detail": "not understood"}
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
