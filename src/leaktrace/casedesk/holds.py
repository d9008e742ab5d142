"""The legal hold of a case: an event in it, and the ledger's own hold on each customer's rows.

They are two places. The event is written first: a hold that nobody wrote down could not be ended by anybody. Where a
kill or a full disk came between, or the exposure list has grown since, the same command said again does what is
missing, with a note in the case; only where nothing is missing it is told so.
"""

from __future__ import annotations

from collections.abc import Sequence

from leaktrace.cases import Case, CaseWork
from leaktrace.errors import CaseError
from leaktrace.ledger import Signed, Upkeep
from leaktrace.records import LegalHold


def put_on_hold(
    before: Case, customers: Sequence[str] | None, work: CaseWork, upkeep: Upkeep, signed: Signed
) -> tuple[LegalHold, ...]:
    """The case's holds afterwards. `before`: the case as it is; `customers`: ids as ingested, None for everybody."""
    missing = _missing(before.case, customers, upkeep)
    if before.held and missing:
        whom = "everybody" if customers is None else f"{missing} more of the frozen list"
        work.note(before.case, f"The legal hold is put on {whom}: {_given(signed.why)}")
    else:
        work.hold(before.case, held=True, reason=signed.why)
    return upkeep.hold(before.case, customers, signed)


def end_hold(before: Case, work: CaseWork, upkeep: Upkeep, signed: Signed) -> int:
    """How many holds of the ledger were ended."""
    left = upkeep.holds(before.case)
    if left and not before.held:
        work.note(before.case, f"The legal hold is ended in the ledger too: {_given(signed.why)}")
    else:
        work.hold(before.case, held=False, reason=signed.why)
    return upkeep.release(before.case, signed) if left else 0


def _missing(case: str, customers: Sequence[str] | None, upkeep: Upkeep) -> int:
    """How many of them the ledger does not hold for the case; 1 where everybody is meant and is not held."""
    held = {one.customer for one in upkeep.holds(case)}
    if None in held:
        return 0
    return 1 if customers is None else len({f"{number:016x}" for number in upkeep.numbers(customers)} - held)


def _given(reason: str) -> str:
    if not reason.strip():
        raise CaseError("A legal hold is set and ended with a reason.", "Say why.")
    return reason
