"""A plan of containment and what came of it, in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.caserecords import ContainmentOutcome, ContainmentPlan, SellerTie
from leaktrace.report import words
from leaktrace.report.rule import DimRule
from leaktrace.report.terminal import add_row, bullet, pairs

_STEPS = {
    "suspend": "suspend the account",
    "end_sessions": "end its sessions and tokens",
    "block_seller": "block the seller, with the reasons",
    "restore": "restore the account as it was",
    "unblock_seller": "unblock the seller",
}
_STATES = {
    "contained": ("CONTAINED", "bold green"),
    "undone": ("UNDONE", "bold green"),
    "not_confirmed": ("NOT CONFIRMED", "bold yellow"),
    "failed": ("FAILED", "bold red"),
}


def render_plan(plan: ContainmentPlan, statement: str | None = None) -> RenderableType:
    """What would be done, and what speaks against it."""
    may = _standing(plan)
    parts: list[RenderableType] = [
        DimRule(),
        Text(may[0], style=may[1]),
        Text(),
        pairs([("Case", words.plain(plan.case)), ("Action", plan.action), ("Subject", words.plain(plan.subject))]),
        Text(),
    ]
    parts += [bullet(f"{words.plain(one.system)}: {_STEPS.get(one.step, one.step)}") for one in plan.steps]
    if plan.against:
        parts += [Text(), Text("What speaks against it", style="bold")]
        parts += [bullet(words.plain(one)) for one in plan.against] + [Text()]
    parts += [Text(words.plain(f"No: {why}"), style="red") for why in plan.refusals]
    parts += [Text(words.plain(f"Not yet: {why}"), style="yellow") for why in plan.not_yet]
    parts += [Text(words.plain(f"Mind: {why}"), style="yellow") for why in plan.warnings]
    if plan.tie is not None:
        parts.append(Text(words.plain(_tied(plan.tie))))
    if statement:
        parts += [Text(), Text("\n".join(words.plain(line) for line in statement.splitlines()))]
    parts += [Text(), Text(f"Two people sign: {plan.parameters_sha256}", style="dim")]
    return Group(*parts)


def _standing(plan: ContainmentPlan) -> tuple[str, str]:
    if plan.refusals:
        return "MUST NOT BE DONE", "bold red"
    return ("NOT YET", "bold yellow") if plan.not_yet else ("MAY BE ASKED FOR", "bold green")


def _tied(tie: SellerTie) -> str:
    chance = "not computed" if tie.probability is None else tie.probability
    told = f"Chance that the mails are this seller's: {chance} (enough from {tie.threshold})."
    return told if tie.justification is None else f"{told} Both people write why all the same: {tie.justification}"


def render_outcome(outcome: ContainmentOutcome) -> RenderableType:
    """What reading back showed, system by system; and whom to call."""
    label, style = _STATES[outcome.state]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("System", "State", "Because"):
        table.add_column(heading, overflow="fold")
    for one in outcome.systems:
        name, colour = _STATES[one.state]
        add_row(table, one.system, Text(name, style=colour), one.detail)
    parts: list[RenderableType] = [
        DimRule(),
        Text(f"{label}  {words.plain(outcome.subject)}", style=style),
        Text(),
        table,
    ]
    if outcome.call:
        parts += [Text(), Text(words.plain(outcome.call), style="bold red")]
    return Group(*parts)
