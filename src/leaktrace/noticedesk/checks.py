"""What is checked before the first mail of every run, not only of the first.

1 the list, texts, counts and sender are those of the plan; 2 the texts are approved; 3 nobody has stopped it; 4 two
people agreed to exactly this; 5 the canaries were looked at. The caller makes the plan again from what is about to be
done, calls all of them in this order, and sends nothing where one raises.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from leaktrace.caserecords import Approvals, digest_of
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.response.notices import Batch, NoticePlan, Outbox, not_approved
from leaktrace.response.notices.outboxrows import KeptNotice


def require_found(kept: KeptNotice | None, case: str) -> KeptNotice:
    """ResponseError where nobody was found whose notice it is."""
    if kept is None:
        raise ResponseError(
            f"That is neither a pseudonym on the list of these notices nor the reference of a notice of {case}.",
            "Give C-…, or the reference in the notice. A customer's id is looked up with --why TEXT, which is logged.",
        )
    return kept


def require_somebody_told(plan: NoticePlan) -> None:
    """ResponseError where somebody says why to write again, and nobody was written to."""
    if plan.again_because and not plan.told:
        raise ResponseError(
            f"Nobody whom version {plan.version} would write to was told by another version.",
            "Plan it without --again-because.",
        )


def require_as_planned(batch: Batch, again: NoticePlan) -> None:
    """Check 1. `again`: the plan as it would be made now."""
    then, now = batch.document["parameters"], again.parameters()
    if changed := sorted(name for name in now if now[name] != then.get(name)):
        raise ResponseError(
            f"Since notices for {batch.case} were planned, this has changed: {', '.join(changed)}.",
            "Nothing was sent. Plan a new version and have that approved.",
        )


def require_approved_texts(again: NoticePlan, approved: frozenset[tuple[str, str]]) -> None:
    """Check 2. `approved`: (template, digest) of every text that this case may use."""
    if drafts := not_approved(again.templates, approved):
        raise ResponseError(
            f"Nobody approved these texts: {', '.join(drafts)}.",
            "Nothing was sent. Read them with `leaktrace notify preview`, then `notify approve-translation`.",
        )


def require_not_stopped(stop: Path, *, go_on: bool) -> None:
    """Check 3. Going on passes the sign to stop, and does not take it away: a later check may still refuse."""
    if stop.exists() and not go_on:
        raise ResponseError("Sending was stopped.", "To go on: leaktrace notify send CASE --continue.")


def lift_stop(stop: Path, *, go_on: bool) -> None:
    """Takes the sign to stop away: once everything was agreed to, by the one sender who is about to go on."""
    if go_on:
        stop.unlink(missing_ok=True)


def require_version(approval: str, about: str | None, batch: Batch, *, chosen: bool) -> None:
    """ApprovalError where the approval is about another version. `about`: that one; null: no request about notices."""
    if about is not None and about != batch.version:
        how = "was asked for" if chosen else "is the newest plan and was chosen"
        raise ApprovalError(
            f"{approval} is about version {about} of the notices; version {batch.version} {how}.",
            f"Nothing was sent. For the approved one: leaktrace notify send {batch.case} --approval {approval} "
            f"--version {about}.",
        )


def require_agreed(outbox: Outbox, batch: Batch, approvals: Approvals, approval: str | None, canary_count: int) -> None:
    """Check 4. Uses the approval where it is new; the first one says how many canaries there are."""
    parameters = batch.document["parameters"]
    digest = digest_of(parameters)
    if batch.approval is None and approval is None:
        raise ApprovalError(
            f"Notices are sent only with an approval by two people, and version {batch.version} has none.",
            "Ask for one, then say --approval A-…. Another version is sent with --version.",
        )
    if batch.approval is not None and batch.parameters_sha256 != digest:
        raise ApprovalError(
            f"The approval {batch.approval} is not about this batch.", "Plan a new version and have that approved."
        )
    if approval not in (None, batch.approval):
        used = approvals.use(batch.case, str(approval), "send_notices", batch.version, parameters)
        outbox.approve(batch, str(approval), used.envelope_sha256, digest)
        if batch.approval is None:
            outbox.set_canary(batch, canary_count)


def go_past_canaries(outbox: Outbox, batch: Batch, now: datetime) -> Batch:
    """Check 5. For a person who says to go on: once the canaries went out, and not before, the others may go."""
    if batch.canary_count and outbox.attempted_count(batch) >= batch.canary_count:
        outbox.go_on(batch, now)
    return outbox.batch(batch.case, batch.version)
