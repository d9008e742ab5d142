"""What containing needs to know of a case, as whoever keeps cases hands it over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaktrace.caserecords import Approvals, CaseDiary, CaseEvent, Person
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
    seller_facts: Callable[[str], SellerFacts]
