"""Calls that end sessions and tokens where suspending does not: which ones, contain.toml says."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from leaktrace.response.contain.http import Http, Secret, UnreachableError
from leaktrace.response.contain.interface import Acted, Reading


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One call; `{account}` and `{reference}` in the addresses stand for the account's name and the system's own id."""

    name: str
    method: str
    url: str
    secret: Secret | None
    scheme: str = "Bearer"
    expect: frozenset[int] = frozenset({200, 202, 204})
    check_url: str | None = None
    """An address whose JSON answer shows whether sessions are left; null: there is none."""
    check_field: str = ""
    """The key in it that counts or lists what is left; nought or an empty list is none."""

    def send(self, http: Http, account: str, reference: str) -> Acted:
        """Makes the call."""
        try:
            answer = http.send(self.method, _filled(self.url, account, reference), self._headers(), b"")
        except UnreachableError:
            return Acted(False, f"{self.name}: no answer", again=True)
        return Acted(answer.status in self.expect, f"{self.name}: {answer.status}", again=answer.busy)

    def check(self, http: Http, account: str, reference: str) -> Reading | None:
        """Whether sessions are left; null where the system cannot show it."""
        if self.check_url is None:
            return None
        try:
            answer = http.send("GET", _filled(self.check_url, account, reference), self._headers())
        except UnreachableError:
            return Reading(None, f"{self.name}: cannot be read back")
        document = answer.document() if answer.ok else None
        left = document.get(self.check_field) if isinstance(document, dict) else None
        if isinstance(left, list):
            left = len(left)
        if isinstance(left, bool) or not isinstance(left, int):
            return Reading(None, f"{self.name}: cannot be read back")
        return Reading(left > 0, f"{self.name}: {left} left")

    def _headers(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        return {"Authorization": f"{self.scheme} {self.secret.reveal().decode('latin-1')}"}


def _filled(url: str, account: str, reference: str) -> str:
    return url.replace("{account}", quote(account, safe="")).replace("{reference}", quote(reference, safe=""))
