"""What opens names: one pseudonym for one reader, an executor's target, sealed exhibits, all of a case for a bundle.

Each takes an approval by two that is being used, and says so in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leaktrace.caserecords import (
    ActionName,
    ExhibitStored,
    GateAnswered,
    IdentityUnmasked,
    NoteAdded,
    Person,
    RecordedEvent,
)
from leaktrace.cases.approvals import Approving
from leaktrace.cases.case import Case, Request
from leaktrace.cases.guard import needs
from leaktrace.cases.plainwords import nameless
from leaktrace.errors import ApprovalError, CaseError, NotAllowedError

OPENED_KINDS: dict[ActionName, frozenset[str]] = {
    "send_notices": frozenset({"exposure"}),
    "publish_statement": frozenset({"exposure"}),
}
"""Which sealed exhibits an executor opens under which approval; a hand-over opens all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An identity that was opened for one person."""

    pseudonym: str
    name: str
    until_at: datetime


@dataclass(frozen=True, slots=True)
class CaseMaterial:
    """All there is of a case, for whoever hands it over: names and sealed exhibits in plain."""

    case: Case
    events: tuple[RecordedEvent, ...]
    exhibits: tuple[tuple[ExhibitStored, bytes], ...]
    people: tuple[Person, ...]
    people_events: tuple[RecordedEvent, ...]
    names: dict[str, str]
    """Pseudonym -> id as ingested."""


class CaseWork(Approving):
    """Everything that one person may do with cases; implements `caserecords.Approvals` and `caserecords.CaseDiary`."""

    @needs("request", "approval")
    def request_unmask(self, case: str, pseudonym: str, reason: str, hours: float | None = None) -> Request:
        """Asks to see who one pseudonym is; `unmask` opens it once a second person agreed."""
        if self._store.name_of(case, pseudonym) is None:
            raise CaseError(f"Nobody goes by {pseudonym[:30]} in {case}.", "'leaktrace case show' lists pseudonyms.")
        parameters = unmasking(pseudonym, self._actor.person)
        return self.request(case, "unmask", pseudonym, parameters, reason, hours)

    @needs("unmask", "identity")
    def unmask(self, case: str, request: str, before: Callable[[str], None] | None = None) -> Opened:
        """Who a pseudonym is, for whoever asked, until the request expires; every reading is an event.

        `before`: told the pseudonym before anything is opened (the look-up log).
        """
        with self._writing(case) as transaction:
            found, now = self._request(case, request), max(self._clock(), self._case(case).last_at)
            pseudonym = found.asked.target
            if found.action != "unmask" or found.requested_by != self._actor.person:
                raise ApprovalError(f"{request} opens no identity for {self._actor.person}.", "Ask for one yourself.")
            if now >= found.asked.expires_at:
                raise ApprovalError(f"{request} expired.", "Ask for it anew.")
            if before is not None:
                before(pseudonym)
            if found.state != "used":
                self._use(transaction, case, request, "unmask", pseudonym, unmasking(pseudonym, self._actor.person))
            until = found.asked.expires_at
            event = IdentityUnmasked(request, pseudonym, self._actor.person, found.asked.reason, until)
            transaction.append(case, self._actor.person, now, [event])
        return Opened(pseudonym, self._name(case, pseudonym), until)

    @needs("unmask", "identity")
    def customer_mark(self, case: str, customer: str, reason: str, before: Callable[[str], None]) -> str:
        """The pseudonym by which a customer, whose id is known, goes in the case; every look is an event.

        `before`: told whom it is about before anything is answered (the look-up log). CaseError for who is not in it.
        """
        names = self._store.names(case)
        written = nameless(reason, names, "reason")
        if not written.strip():
            raise CaseError("Looking a customer up needs a reason.", "Say why: it is written down.")
        found = names.get(customer)
        mark = found if found is not None and found.startswith("C-") else None
        before(mark or "a customer who is not in it")
        whose = f"of {mark} was" if mark else "of somebody who is not in the case was"
        self._append(case, NoteAdded(f"The notice {whose} looked up by a customer's id: {written}"))
        if mark is None:
            raise CaseError(f"No customer of this id is on a list of {case}.", "Ids are as they were ingested.")
        return mark

    @needs("use", "approval")
    def lift_hold(self, case: str, gate: str, reason: str, request: str) -> RecordedEvent:
        """Opens a condition of the publication gate that somebody holds, by an approval of exactly that.

        Another answer to the same condition since it was asked for makes the approval void.
        """
        written = nameless(reason, self._store.names(case), "reason")
        with self._writing(case) as transaction:
            self._use(transaction, case, request, "lift_hold", gate, {})
            event = GateAnswered(gate, "open", written)
            return transaction.append(case, self._actor.person, self._clock(), [event])[0]

    @needs("use", "approval")
    def sealed_exhibit(self, case: str, request: str, exhibit: str) -> bytes:
        """A sealed exhibit in plain, for the executor of a used approval that needs it."""
        found = self._running(case, request, "send_notices", "hand_over", "publish_statement")
        stored = self._case(case).exhibits.get(exhibit)
        if stored is None or (found.action != "hand_over" and stored.kind not in OPENED_KINDS[found.action]):
            raise NotAllowedError(f"{request} does not open {exhibit[:20]}.", "It needs an approval for that.")
        return self._exhibits.get(stored.sha256)

    @needs("use", "approval")
    def material(self, case: str, request: str) -> CaseMaterial:
        """Everything, for a bundle; takes a used approval of `hand_over`."""
        self._running(case, request, "hand_over")
        state = self._case(case)
        return CaseMaterial(
            case=state,
            events=self._store.events(case),
            exhibits=tuple((one, self._exhibits.get(one.sha256)) for one in state.exhibits.values()),
            people=self._store.people().everybody(),
            people_events=self._store.events("-"),
            names={mark: name for name, mark in self._store.names(case).items()},
        )

    def _running(self, case: str, request: str, *actions: ActionName) -> Request:
        found = self._request(case, request)
        expired = self._clock() >= found.asked.expires_at
        if found.state != "used" or found.used_by != self._actor.person or found.action not in actions or expired:
            raise ApprovalError(f"{request} is no approval that {self._actor.person} is using for this.", "Ask for it.")
        return found

    def _name(self, case: str, pseudonym: str) -> str:
        name = self._store.name_of(case, pseudonym)
        if name is None:
            raise CaseError(f"Nobody goes by {pseudonym[:30]} in {case}.", "'leaktrace case show' lists pseudonyms.")
        return name


def unmasking(pseudonym: str, reader: str) -> dict[str, str]:
    """The parameters of an `unmask`: which name, for whose eyes."""
    return {"pseudonym": pseudonym, "reader": reader}
