"""A case's diary and approvals that keep everything in memory (or in a file that survives a kill).

They keep the contract of `caserecords.CaseDiary` and `caserecords.Approvals`: events are numbered and only added; an
approval is used once, only after it was approved, before it expires, for exactly the action, target and parameters
that were asked for; what is done under it is refused before it was used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from leaktrace.caserecords import (
    EVENT_KINDS,
    ActionApproved,
    ActionName,
    ActionRequested,
    ActionUsed,
    ApprovalPayload,
    Approved,
    CaseEvent,
    CaseHead,
    ContainmentConfirmed,
    ContainmentStepDone,
    ExhibitStored,
    LogEntry,
    RecordedEvent,
    StatementPublished,
    digest_of,
)
from leaktrace.errors import ApprovalError, CaseError
from leaktrace.records import to_document


@dataclass
class Diary:
    """`CaseDiary` in memory; with `path`, each event is a line that is synced before the call returns."""

    now: datetime
    path: Path | None = None
    exhibits: dict[str, bytes] = field(default_factory=dict)
    recorded: list[tuple[str, CaseEvent]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    """Request -> exactly what was asked for, as JSON has it."""

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                kept = json.loads(line)
                if kept["kind"] == "parameters":
                    self.parameters[kept["request"]] = kept["asked"]
                elif kept["kind"] == "exhibit":
                    self.exhibits[kept["exhibit"]] = bytes.fromhex(kept["content"])
                else:
                    self.recorded.append((kept["case"], _event(kept["kind"], kept["event"])))

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        if isinstance(event, ContainmentStepDone | ContainmentConfirmed | StatementPublished):
            used = {one.request for name, one in self.recorded if name == case and isinstance(one, ActionUsed)}
            if event.request not in used:
                raise CaseError(f"{event.request} was not used.", "The executor takes the approval first.")
        self.recorded.append((case, event))
        self._keep({"case": case, "kind": type(event).__name__, "event": to_document(event)})
        entry = LogEntry(len(self.recorded) - 1, case, type(event).__name__, self.now, "00")
        return RecordedEvent(entry, event, "ines", "00")

    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        name = f"E-{len(self.exhibits) + 1:04d}"
        self.exhibits[name] = content
        self._keep({"kind": "exhibit", "exhibit": name, "content": content.hex()})
        sha256 = hashlib.sha256(content).hexdigest()
        stored = ExhibitStored(name, kind, title, sha256, len(content), media_type)  # type: ignore[arg-type]
        self.record(case, stored)
        return stored

    def keep_parameters(self, request: str, asked: Any) -> None:
        """What was asked for, for whoever carries it out."""
        self.parameters[request] = to_document(asked)
        self._keep({"kind": "parameters", "request": request, "asked": self.parameters[request]})

    def events(self, case: str) -> tuple[Any, ...]:
        """The case's events in order."""
        return tuple(event for name, event in self.recorded if name == case)

    def _keep(self, document: dict[str, Any]) -> None:
        if self.path is None:
            return
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(document) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def _event(kind: str, document: dict[str, Any]) -> Any:
    values = {
        name: datetime.fromisoformat(value)
        if name.endswith("_at")
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in document.items()
    }
    return EVENT_KINDS[kind](**values)


@dataclass
class TwoPeople:
    """`Approvals` over a diary: what two people agreed to, used once."""

    diary: Diary
    clock: Callable[[], datetime]

    def agree(self, case: str, action: ActionName, target: str, parameters: Any, *, hours: int = 1) -> str:
        """Asks and approves, as two people; returns the request's name."""
        request = f"A-{sum(isinstance(event, ActionRequested) for event in self.diary.events(case)) + 1:04d}"
        expires = self.clock() + timedelta(hours=hours)
        asked = ActionRequested(request, action, target, digest_of(parameters), expires, "it has to stop")
        self.diary.keep_parameters(request, parameters)
        self.diary.record(case, asked)
        self.diary.record(case, ActionApproved(request, "ee" * 32))
        return request

    def check(self, case: str, request: str, action: ActionName, target: str) -> None:
        self._usable(case, request, action, target)

    def _usable(
        self, case: str, request: str, action: ActionName, target: str
    ) -> tuple[ActionRequested, ActionApproved]:
        events = self.diary.events(case)
        asked = next((one for one in events if isinstance(one, ActionRequested) and one.request == request), None)
        approved = next((one for one in events if isinstance(one, ActionApproved) and one.request == request), None)
        if asked is None or approved is None:
            raise ApprovalError(f"{request} was not approved.", "Ask a second person.")
        if (asked.action, asked.target) != (action, target):
            raise ApprovalError(f"{request} is about something else.", "Ask for exactly this.")
        if any(isinstance(one, ActionUsed) and one.request == request for one in events):
            raise ApprovalError(f"{request} was used already.", "Ask anew.")
        if self.clock() >= asked.expires_at:
            raise ApprovalError(f"{request} expired.", "Ask anew.")
        return asked, approved

    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        asked, approved = self._usable(case, request, action, target)
        if asked.parameters_sha256 != digest_of(parameters):
            raise ApprovalError(f"{request} is about something else.", "Ask for exactly this.")
        self.diary.record(case, ActionUsed(request, approved.envelope_sha256))
        head = CaseHead(case, len(self.diary.events(case)), "00")
        payload = ApprovalPayload(
            case, request, action, target, asked.parameters_sha256, head, "ines",
            self.clock(), asked.expires_at, asked.reason,
        )  # fmt: skip
        return Approved(payload, "omar", approved.envelope_sha256)
