"""Systems on the loopback that answer as real ones are known to: a SCIM server with quirks, Okta, a receiver of signed
calls. Each is an HTTP server of its own; none knows the code under test, but for the receiver, which checks signatures
with the function that receivers are given.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from leaktrace.errors import ResponseError
from leaktrace.response.contain import Secret, verified_body

Reply = tuple[int, Any]
"""Status, and a JSON document, bytes, or null for no body."""
Answering = Callable[[str, str, dict[str, str], bytes], Reply]


@contextmanager
def served(answer: Answering) -> Iterator[str]:
    """A server on the loopback that answers so; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = answer(self.command, self.path, headers, self.rfile.read(length))
            content = (
                b"" if document is None else document if isinstance(document, bytes) else json.dumps(document).encode()
            )
            self.send_response(status)
            if status in {301, 302, 307, 308}:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class ScimServer:
    """Users in a SCIM server that understands only some forms of a change, and may pretend."""

    understands: frozenset[str] = frozenset({"rfc", "pathless", "entra", "put"})
    pretends: int | None = None
    """Status it answers to a change it does not make; null: 400."""
    empty_answers: bool = False
    """204 without a body to a change it makes."""
    keeps_text: bool = False
    """Stores "False" where it was sent "False"."""
    ignores_filter: bool = False
    token: str = "s3cret-token"  # noqa: S105 - of a fake
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    sessions: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, *, active: Any = True) -> str:
        number = f"u-{len(self.users) + 1}"
        self.users[number] = {"id": number, "userName": name, "active": active, "meta": {"version": "1"}}
        self.sessions[number] = 2
        return number

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.calls.append((method, path))
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"detail": "who are you"}
        parts = urlsplit(path)
        names = [unquote(one) for one in parts.path.strip("/").split("/")]
        match method, names:
            case "GET", ["Users"]:
                return 200, {"Resources": self._filtered(list(self.users.values()), "userName", parts.query)}
            case "GET", ["Groups"]:
                return 200, {"Resources": self._filtered(self.groups, "displayName", parts.query)}
            case "GET", ["Users", number] if number in self.users:
                return 200, self.users[number]
            case "PATCH" | "PUT", ["Users", number] if number in self.users:
                return self._change(number, method, json.loads(body))
            case "POST", ["revoke", number]:
                self.sessions[number] = 0
                return 204, None
            case "GET", ["sessions", number]:
                return 200, {"left": self.sessions[number]}
            case _:
                return 404, {"detail": "not here"}

    def _filtered(self, resources: list[dict[str, Any]], key: str, query: str) -> list[dict[str, Any]]:
        asked = parse_qs(query)["filter"][0].partition(" eq ")[2]
        return [one for one in resources if self.ignores_filter or one[key] == json.loads(asked)]

    def _change(self, number: str, method: str, document: dict[str, Any]) -> Reply:
        form, wanted = _form_of(method, document)
        if form not in self.understands:
            return (
                (400, {"scimType": "invalidSyntax"}) if self.pretends is None else (self.pretends, self.users[number])
            )
        if isinstance(wanted, str) and not self.keeps_text:
            wanted = wanted.lower() == "true"
        self.users[number]["active"] = wanted
        return (204, None) if self.empty_answers else (200, self.users[number])


def _form_of(method: str, document: dict[str, Any]) -> tuple[str, Any]:
    if method == "PUT":
        return "put", document["active"]
    (operation,) = document["Operations"]
    if "path" not in operation:
        return "pathless", operation["value"]["active"]
    return ("entra" if operation["op"] == "Replace" else "rfc"), operation["value"]


@dataclass
class OktaServer:
    """An Okta organisation, as its documentation says it answers."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    deaf: bool = False
    """Answers 200 to suspending and does nothing."""
    busy_count: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)

    def add(self, login: str, status: str = "ACTIVE") -> None:
        number = f"00u{len(self.users) + 1}"
        self.users[number] = {"id": number, "status": status, "profile": {"login": login}}
        self.sessions[number] = 3

    def __call__(self, method: str, path: str, headers: dict[str, str], _: bytes) -> Reply:
        self.calls.append((method, path))
        if headers.get("authorization") != "SSWS okta-token":
            return 401, {"errorCode": "E0000011"}
        if self.busy_count and method != "GET":
            self.busy_count -= 1
            return 429, {"errorCode": "E0000047"}
        parts = urlsplit(path)
        asked, *rest = [unquote(one) for one in parts.path.removeprefix("/api/v1/users/").split("/")]
        user = next((one for one in self.users.values() if asked in {one["id"], one["profile"]["login"]}), None)
        if user is None:
            return 404, {"errorCode": "E0000007"}
        match method, rest:
            case "GET", []:
                return 200, user
            case "POST", ["lifecycle", "suspend"]:
                return self._move(user, "ACTIVE", "SUSPENDED")
            case "POST", ["lifecycle", "unsuspend"]:
                return self._move(user, "SUSPENDED", "ACTIVE")
            case "DELETE", ["sessions"] if parts.query == "oauthTokens=true":
                self.sessions[user["id"]] = 0
                return 204, None
            case _:
                return 405, None

    def _move(self, user: dict[str, Any], before: str, after: str) -> Reply:
        if user["status"] != before:
            return 400, {"errorCode": "E0000001"}
        if not self.deaf:
            user["status"] = after
        return 200, {}


@dataclass
class Marketplace:
    """Receives signed calls and does what they say."""

    secret: bytes = b"hook-secret"
    states: dict[str, str] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    deaf: bool = False
    nonces: set[str] = field(default_factory=set)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            verified_body(
                method, path, headers, body,
                secrets_by_key_id={"k1": Secret(self.secret)}, now=datetime.now(UTC), seen_nonces=self.nonces,
            )  # fmt: skip
        except ResponseError as error:
            self.refusals.append(error.message)
            return 401, None
        if method == "GET":
            account = parse_qs(urlsplit(path).query)["account"][0]
            return 200, {"state": self.states.get(account, "active")}
        document = json.loads(body)
        self.bodies.append(document)
        if not self.deaf:
            stops = document["action"] in {"suspend", "block_seller"}
            self.states[document["account"]] = "contained" if stops else "active"
        return 202, None
