"""Okta's own interface: suspends (which can be undone; deactivating cannot), then ends sessions and tokens.

Source: Okta management API, user lifecycle ("suspend", "unsuspend") and user sessions ("revoke all user sessions").
Suspending is only for users in status ACTIVE; one who is in recovery or whose password expired can still come back, so
a refusal there is a failure that a person has to deal with.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from leaktrace.caserecords import StepName
from leaktrace.errors import ResponseError
from leaktrace.response.contain.http import Http, HttpAnswer, Secret, UnreachableError
from leaktrace.response.contain.interface import Acted, Order, Reading, Snapshot, Target, TargetKind

_OUT = frozenset({"SUSPENDED", "DEPROVISIONED"})


@dataclass(frozen=True, slots=True)
class OktaConnector:
    """Users of one Okta organisation."""

    system: str
    base_url: str
    secret: Secret
    http: Http
    administrators: frozenset[str] = frozenset()

    def steps(self, kind: TargetKind, *, undo: bool) -> tuple[StepName, ...]:
        """Suspend, then end sessions."""
        if kind != "principal":
            return ()
        return ("restore",) if undo else ("suspend", "end_sessions")

    def before(self, target: Target) -> Snapshot:
        """The user by login or id."""
        answer = self._send("GET", target.account)
        if answer.status == 404:
            return Snapshot(self.system, False, "", None, "not found", False)
        document = answer.document() if answer.ok else None
        if not isinstance(document, dict) or not document.get("id"):
            raise ResponseError(
                f"{self.system} did not show the user (status {answer.status}).", "Check url and secret_file."
            )
        status = str(document.get("status", "not said"))
        names = {name.casefold() for name in self.administrators}
        last = None if not names else target.account.casefold() in names and len(names) == 1
        return Snapshot(self.system, True, str(document["id"]), status not in _OUT, status, last)

    def act(self, step: StepName, target: Target, snapshot: Snapshot, order: Order) -> Acted:
        """One step; what is so already is left so."""
        del target, order
        try:
            if step == "end_sessions":
                return _told("end sessions", self._send("DELETE", snapshot.reference, "sessions?oauthTokens=true"))
            status = self._status(snapshot.reference)
            if (step == "suspend") == (status in _OUT):
                return Acted(True, f"was {status} already")
            call = "suspend" if step == "suspend" else "unsuspend"
            return _told(call, self._send("POST", snapshot.reference, f"lifecycle/{call}"))
        except UnreachableError:
            return Acted(False, f"{step}: no answer", again=True)

    def read_back(self, step: StepName, target: Target, snapshot: Snapshot) -> Reading | None:
        """The user's status; sessions cannot be listed there."""
        del target
        if step == "end_sessions":
            return None
        try:
            status = self._status(snapshot.reference)
        except UnreachableError:
            status = None
        return Reading(None, "cannot be read") if status is None else Reading(status not in _OUT, f"is {status}")

    def _status(self, reference: str) -> str | None:
        answer = self._send("GET", reference)
        document = answer.document() if answer.ok else None
        return str(document["status"]) if isinstance(document, dict) and "status" in document else None

    def _send(self, method: str, user: str, rest: str = "") -> HttpAnswer:
        url = f"{self.base_url.rstrip('/')}/api/v1/users/{quote(user, safe='')}"
        headers = {"Authorization": f"SSWS {self.secret.reveal().decode('latin-1')}", "Accept": "application/json"}
        return self.http.send(method, f"{url}/{rest}" if rest else url, headers, None if method == "GET" else b"")


def _told(what: str, answer: HttpAnswer) -> Acted:
    return Acted(answer.ok, f"{what}: {answer.status}", again=answer.busy)
