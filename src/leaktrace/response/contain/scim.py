"""SCIM 2.0 (RFC 7643, RFC 7644): suspends by `active: false`, in the forms that servers are known to understand.

Servers answer 200 or 204 to a change that they did not make. So each form is followed by a look at the user, and the
next form is tried while the user is still active:

- `rfc`: {"op": "replace", "path": "active", "value": false} (RFC 7644, section 3.5.2.3)
- `pathless`: {"op": "replace", "value": {"active": false}}, as Okta sends it
- `entra`: {"op": "Replace", "path": "active", "value": "False"}, as Microsoft Entra sends it
- `put`: the whole user, with `active` false (section 3.5.1), for servers without PATCH

`active: false` ends no session: calls that do are named in contain.toml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import quote, urlencode

from leaktrace.caserecords import StepName
from leaktrace.errors import ResponseError
from leaktrace.response.contain.http import Http, HttpAnswer, Secret, UnreachableError
from leaktrace.response.contain.interface import Acted, Order, Reading, Snapshot, Target, TargetKind
from leaktrace.response.contain.sessions import SessionCall

Form = Literal["rfc", "pathless", "entra", "put"]
FORMS: tuple[Form, ...] = get_args(Form)
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_MEDIA = "application/scim+json"
_LATER = {429, 503}
_REFUSED = {401: "it refused the credentials", 403: "it does not allow this"}


@dataclass(frozen=True, slots=True)
class ScimConnector:
    """Users of one SCIM server."""

    system: str
    base_url: str
    secret: Secret
    http: Http
    administrators: frozenset[str] = frozenset()
    """Accounts that may administer the system; empty: not known, unless `admin_group` is."""
    admin_group: str | None = None
    """Display name of the group whose members administer the system."""
    forms: tuple[Form, ...] = FORMS
    end_sessions: tuple[SessionCall, ...] = field(default=())

    def steps(self, kind: TargetKind, *, undo: bool) -> tuple[StepName, ...]:
        """Suspend, then end sessions where a call for that is configured."""
        if kind != "principal":
            return ()
        if undo:
            return ("restore",)
        return ("suspend", "end_sessions") if self.end_sessions else ("suspend",)

    def before(self, target: Target) -> Snapshot:
        """The user of exactly that name; a server that ignores the filter does not get somebody else suspended."""
        user = self._find(target.account)
        if user is None:
            return Snapshot(self.system, False, "", None, "not found", False)
        active = _active(user)
        return Snapshot(
            system=self.system,
            found=True,
            reference=str(user["id"]),
            active=active,
            state={True: "active", False: "inactive", None: "not said"}[active],
            last_administrator=self._last_administrator(target.account, str(user["id"])),
        )

    def act(self, step: StepName, target: Target, snapshot: Snapshot, order: Order) -> Acted:
        """One step; `order` is not told to SCIM, which has no place for it."""
        del order
        if step == "end_sessions":
            done = [call.send(self.http, target.account, snapshot.reference) for call in self.end_sessions]
            return Acted(
                all(one.ok for one in done),
                "; ".join(one.detail for one in done),
                any(one.again for one in done),
            )
        return self._set_active(step == "restore", snapshot)

    def read_back(self, step: StepName, target: Target, snapshot: Snapshot) -> Reading | None:
        """The user's `active`, or what the checks of the session calls say."""
        if step == "end_sessions":
            checked = [call.check(self.http, target.account, snapshot.reference) for call in self.end_sessions]
            readings = [one for one in checked if one is not None]
            if len(readings) < len(checked):
                return None
            states = {one.active for one in readings}
            still = True if True in states else None if None in states else False
            return Reading(still, "; ".join(one.detail for one in readings))
        user = self._read(snapshot.reference)
        if user is None:
            return Reading(None, "the user cannot be read")
        active = _active(user)
        return Reading(active, {True: "is active", False: "is inactive", None: "does not say"}[active])

    def _set_active(self, wanted: bool, snapshot: Snapshot) -> Acted:
        told: list[str] = []
        again = False
        for form in self.forms:
            try:
                answer = self._send_form(form, wanted, snapshot.reference)
            except UnreachableError:
                told.append(f"{form}: no answer")
                again = True
                break
            told.append(f"{form}: {answer.status}")
            if answer.status in _REFUSED:
                return Acted(False, f"{', '.join(told)}: {_REFUSED[answer.status]}")
            again = again or answer.busy
            if answer.status in _LATER:
                break
            seen = self._read(snapshot.reference)
            if seen is not None and _active(seen) is wanted:
                return Acted(True, ", ".join(told))
            if answer.ok:
                told[-1] += " but nothing changed"
        return Acted(False, ", ".join(told), again)

    def _send_form(self, form: Form, wanted: bool, reference: str) -> HttpAnswer:
        url = self._url("Users", reference)
        if form == "put":
            user = self._read(reference)
            if user is None:
                return HttpAnswer(404, b"", {})
            return self._send("PUT", url, {**user, "active": wanted})
        return self._send("PATCH", url, {"schemas": [_PATCH], "Operations": [_operation(form, wanted)]})

    def _find(self, account: str) -> dict[str, Any] | None:
        query = urlencode({"filter": f"userName eq {json.dumps(account)}"})
        answer = self._send("GET", f"{self._url('Users')}?{query}")
        if answer.status == 404:
            return None
        found = [
            user
            for user in _resources(answer, self.system)
            if str(user.get("userName", "")).casefold() == account.casefold() and user.get("id")
        ]
        if len(found) > 1:
            raise ResponseError(
                f"{self.system} knows more than one user of that name.", "Name the one in contain.toml, under accounts."
            )
        return found[0] if found else None

    def _read(self, reference: str) -> dict[str, Any] | None:
        try:
            answer = self._send("GET", self._url("Users", reference))
        except UnreachableError:
            return None
        document = answer.document() if answer.ok else None
        return document if isinstance(document, dict) else None

    def _last_administrator(self, account: str, reference: str) -> bool | None:
        if self.admin_group is not None:
            members = self._group_members(self.admin_group)
            if reference not in members:
                return False
            others = (self._read(other) for other in members if other != reference)
            return not any(user is not None and _active(user) is True for user in others)
        if not self.administrators:
            return None
        names = {name.casefold() for name in self.administrators}
        return account.casefold() in names and len(names) == 1

    def _group_members(self, name: str) -> list[str]:
        query = urlencode({"filter": f"displayName eq {json.dumps(name)}"})
        groups = _resources(self._send("GET", f"{self._url('Groups')}?{query}"), self.system)
        groups = [group for group in groups if group.get("displayName") == name]
        if len(groups) != 1:
            raise ResponseError(f"{self.system} has no single group '{name}'.", "contain.toml names it as admin_group.")
        members: Sequence[Any] = groups[0].get("members") or ()
        return [str(one["value"]) for one in members if isinstance(one, dict) and one.get("value")][:1000]

    def _url(self, *parts: str) -> str:
        return "/".join([self.base_url.rstrip("/"), *(quote(part, safe="") for part in parts)])

    def _send(self, method: str, url: str, document: Mapping[str, Any] | None = None) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {self.secret.reveal().decode('latin-1')}", "Accept": _MEDIA}
        body = None
        if document is not None:
            headers["Content-Type"] = _MEDIA
            body = json.dumps(document).encode()
        return self.http.send(method, url, headers, body)


def _operation(form: Form, wanted: bool) -> dict[str, Any]:
    match form:
        case "pathless":
            return {"op": "replace", "value": {"active": wanted}}
        case "entra":
            return {"op": "Replace", "path": "active", "value": str(wanted)}
        case _:
            return {"op": "replace", "path": "active", "value": wanted}


def _active(user: Mapping[str, Any]) -> bool | None:
    """Some servers keep what they were sent: the text "False" is false."""
    value = user.get("active")
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.casefold())
    return value if isinstance(value, bool) else None


def _resources(answer: HttpAnswer, system: str) -> list[dict[str, Any]]:
    document = answer.document() if answer.ok else None
    listed = document.get("Resources", []) if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ResponseError(
            f"{system} did not list what it was asked for (status {answer.status}).", "Check url and secret_file."
        )
    return [one for one in listed if isinstance(one, dict)]
