"""A plan of containment and what came of it, in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from leaktrace.caserecords import ContainmentOutcome, ContainmentPlan
from leaktrace.report import words
from leaktrace.report.terminal import bullet, pairs

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
    may = ("MAY BE ASKED FOR", "bold green") if not plan.refusals else ("MUST NOT BE DONE", "bold red")
    parts: list[RenderableType] = [
        Rule(style="dim"),
        Text(may[0], style=may[1]),
        Text(),
        pairs([("Case", words.plain(plan.case)), ("Action", plan.action), ("Subject", words.plain(plan.subject))]),
        Text(),
    ]
    parts += [bullet(f"{words.plain(one.system)}: {_STEPS.get(one.step, one.step)}") for one in plan.steps]
    parts += [Text(words.plain(f"No: {why}"), style="red") for why in plan.refusals]
    parts += [Text(words.plain(f"Mind: {why}"), style="yellow") for why in plan.warnings]
    if statement:
        parts += [Text(), Text("\n".join(words.plain(line) for line in statement.splitlines()))]
    parts += [Text(), Text(f"Two people sign: {plan.parameters_sha256}", style="dim")]
    return Group(*parts)


def render_outcome(outcome: ContainmentOutcome) -> RenderableType:
    """What reading back showed, system by system; and whom to call."""
    label, style = _STATES[outcome.state]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("System", "State", "Because"):
        table.add_column(heading, overflow="fold")
    for one in outcome.systems:
        name, colour = _STATES[one.state]
        table.add_row(words.plain(one.system), Text(name, style=colour), Text(words.plain(one.detail)))
    parts: list[RenderableType] = [
        Rule(style="dim"),
        Text(f"{label}  {words.plain(outcome.subject)}", style=style),
        Text(),
        table,
    ]
    if outcome.call:
        parts += [Text(), Text(words.plain(outcome.call), style="bold red")]
    return Group(*parts)
