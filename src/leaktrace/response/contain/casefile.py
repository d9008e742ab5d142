"""What containing needs to know of a case, as whoever keeps cases hands it over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaktrace.caserecords import ActionName, Approvals, CaseDiary, CaseEvent, Person
from leaktrace.response.contain.interface import SellerFacts


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case, open for its executor."""

    case: str
    diary: CaseDiary
    approvals: Approvals
    events: Sequence[CaseEvent]
    """All events so far, in order: an interrupted run goes on from them."""
    people: Sequence[Person]
    principal_of: Callable[[str], str]
    """Pseudonym -> principal as ingested, for the one moment of the call; raises where nobody may know."""
    account_mark: Callable[[str], str]
    """Keyed hash of an account's name, the same in every run: a plan shows it instead of the name."""
    read_exhibit: Callable[[str], bytes]
    unmet: Callable[[ActionName, str], str | None]
    """(action, subject) -> what the case lacks before it may be asked for; null: nothing."""
    against: Callable[[ActionName, str], Sequence[str]]
    """(action, subject) -> what is on record against the suspicion, in sentences; nothing of a seller."""
    check: Callable[[str, ActionName, str], None]
    """(request, action, subject); ApprovalError where the approval is not to be used for this. Uses nothing."""
    asked_parameters: Callable[[str], Mapping[str, Any]]
    """What was asked for under a request of this case."""
    seller_facts: Callable[[str], SellerFacts]
    seller_threshold_probability: float
    """From here on a seller is tied to the mails surely enough to be blocked without further words."""
