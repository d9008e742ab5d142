"""Notices in words, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.noticedesk.reports import BounceReport, PlanReport, Preview, SendReport, TemplateInfo
from leaktrace.report import words
from leaktrace.report.terminal import add_row, pairs
from leaktrace.response.notices import BatchStatus, Left
from leaktrace.response.notices.states import NoticeState

_ENDED = {
    "done": "Nothing is left that may be sent now.",
    "canary": "The canaries are out. Look at one, and at what came back; then: leaktrace notify send CASE --continue.",
    "stopped": "Stopped. To go on: leaktrace notify send CASE --continue.",
    "relay_unreachable": "The relay cannot be reached. When it is back, run the same command again: it resumes.",
    "relay_refuses": "The relay refuses our sender address. Nobody was marked as refused by that.",
    "many_refusals": "Many refusals in a row: it looks as if we were refused, not they. Ask whoever runs the relay.",
}

_STOOD: dict[NoticeState, str] = {
    "planned": "not sent yet",
    "claimed": "being sent, or its sender was cut off",
    "attempting": "being sent, or its sender was cut off",
    "retry": "refused for now, to be tried again",
    "accepted": "taken by the relay",
    "refused": "refused by the relay",
    "unknown": "nobody can say whether the relay took it",
    "suppressed": "not sent by mail",
}


def render_plan(plan: PlanReport) -> RenderableType:
    """What would be sent, to how many, and what is still to be approved."""
    rows = [("On the frozen list", words.number(plan.frozen_count)), ("By mail", words.number(plan.planned_count))]
    rows += [(f"Not by mail: {reason}", words.number(count)) for reason, count in plan.suppressed.items()]
    rows += [(f"Template {name}", words.number(count)) for name, count in plan.by_template.items()]
    told = [
        Text(told_line(version, count, again=bool(plan.again_because)))
        for version, count in plan.told_by_version.items()
    ]
    if plan.told_less_count:
        told.append(Text(told_less_line(plan.told_less_count)))
    told += [Text(f"Again because: {words.plain(plan.again_because)}")] if plan.again_because else []
    told += [Text(f"The case has no entry {what}: whoever approves is told so.") for what in plan.no_entry]
    drafts = plan.templates_to_approve
    notes = [Text(f"Still drafts, to be approved by hash: {', '.join(drafts)}.")] if drafts else []
    ask = f"Then ask for: send_notices, target {plan.version}, parameters {plan.parameters_sha256}."
    return Group(Text(f"Planned, version {plan.version}. Nothing was sent."), pairs(rows), *told, *notes, Text(ask))


def told_less_line(count: int) -> str:
    """What a later list has of people who were told of less."""
    return (
        f"Of these {words.number(count)} {'was' if count == 1 else 'were'} told of fewer fields than the list has "
        "now, and nothing tells them of the others: a correction does (--again-because)."
    )


def told_line(version: str, count: int, *, again: bool) -> str:
    """What becomes of whom another version told."""
    were = "was" if count == 1 else "were"
    ends = ("gets it again" if count == 1 else "get it again") if again else f"{'is' if count == 1 else 'are'} left out"
    return f"{words.number(count)} {were} told by version {words.plain(version)} and {ends}."


def render_templates(templates: Sequence[TemplateInfo]) -> RenderableType:
    """Each template with its hash, and whether it may be used."""
    table = Table("Law", "Language", "Text", "Approved", "SHA-256", box=None)
    for one in templates:
        whose = "shipped draft" if one.shipped else "the company's own"
        add_row(table, one.law, one.language, whose, "yes" if one.approved else "no", one.sha256)
    return table


def render_preview(preview: Preview) -> RenderableType:
    """The plain text as it would go out."""
    when = words.instant(preview.state_at)
    notes = [
        f"{preview.person}, version {preview.version}, reference {preview.reference}: {_STOOD[preview.state]} ({when})."
    ]
    notes += [f"Template {preview.law}/{preview.language}, {preview.template_sha256}."]
    notes += [] if preview.approved else ["A draft: nobody approved this text."]
    notes += [f"Not sent by mail: {preview.suppressed}."] if preview.suppressed else []
    if preview.told_by:
        ends = "is left out" if preview.suppressed else "gets it again"
        notes.append(f"{preview.person} was told by version {preview.told_by} and {ends}.")
    return Group(*map(Text, notes), Text(), Text(f"Subject: {preview.subject}"), Text(), Text(preview.text))


def render_status(status: BatchStatus) -> RenderableType:
    """The sums, which add up."""
    sums = status.sums
    rows = [
        ("Version", status.version),
        ("On the frozen list", words.number(sums.frozen_count)),
        ("Accepted by the relay", words.number(sums.accepted_count)),
        ("Refused", words.number(sums.refused_count)),
        ("Unknown", words.number(sums.unknown_count)),
        ("Not by mail", words.number(sums.suppressed_count)),
        ("Waiting", words.number(sums.waiting_count)),
        ("Bounced for good", words.number(status.hard_bounce_count)),
        ("Delayed", words.number(status.soft_bounce_count)),
        ("Approval", status.approval or "none yet"),
    ]
    rows += [(f"Not by mail: {reason}", words.number(count)) for reason, count in status.suppressed.items()]
    notes = [Text("Unknown: the relay may have taken it; no machine sends it again.")] if sums.unknown_count else []
    if count := status.claimed_count:
        stand = "is in work, or was" if count == 1 else "are in work, or were"
        notes.append(
            Text(
                f"Of those waiting, {words.number(count)} {stand} when a sender was cut off: some may have been told. "
                "'leaktrace notify send CASE --continue' reads what became of each."
            )
        )
    return Group(pairs(rows), *notes)


def render_sent(report: SendReport) -> RenderableType:
    """Why it ended, and where everybody stands."""
    head = Text(f"{words.count(report.attempted_count, 'mail')} attempted. {_ENDED[report.reason]}")
    return Group(head, render_status(report.status))


def render_left(left: Sequence[Left]) -> RenderableType:
    """Whom a mail did not reach for certain."""
    if not left:
        return Text("Everybody who was written to was accepted by the relay, and no mail came back.")
    table = Table("Person", "State", "Reason", box=None)
    for one in left:
        add_row(table, one.person, one.state, one.reason)
    return Group(Text(f"{words.count(len(left), 'person', 'people')} to be told in another way:"), table)


def render_bounces(report: BounceReport) -> RenderableType:
    """What the bounce mailbox says."""
    rows = [
        ("Messages", words.number(report.message_count)),
        ("Bounced for good", words.number(report.hard_count)),
        ("Delayed", words.number(report.soft_count)),
        ("Delivered", words.number(report.delivered_count)),
        ("Known already", words.number(report.already_known_count)),
        ("Forged, or not about us", words.number(report.forged_count)),
        ("Not a delivery report", words.number(report.other_count)),
    ]
    return pairs(rows)
