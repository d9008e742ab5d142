"""Whether two campaigns are one incident, in the terminal: the sentence first, then the terms that add up to it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Link, LinkSide
from leaktrace.report import words
from leaktrace.report.rule import DimRule
from leaktrace.report.terminal import bullet, pairs

_MARKS = {
    "one": ("ONE INCIDENT", "bold yellow"),
    "two": ("TWO INCIDENTS", "bold green"),
    "undetermined": ("CANNOT TELL", "bold yellow"),
}
_LABELS = {
    "sources": "Sources inside",
    "seller": "Seller",
    "sender": "Sender's domains",
    "customers": "Customers",
}


def render_link(link: Link) -> RenderableType:
    """What `link` shows: the answer, both campaigns, each term in bits, what it is not."""
    mark, style = _MARKS[link.outcome]
    line = Text()
    line.append(f"{mark}  ", style=style)
    line.append(link.sentence, style="bold")
    facts = [
        ("One incident", f"{words.percent(link.probability)} chance, {words.percent(link.prior)} before any evidence"),
        (words.plain(link.a.campaign), _told(link.a)),
        (words.plain(link.b.campaign), _told(link.b)),
        ("Compared with", f"{words.count(link.provenance.other_campaign_count, 'other campaign')} of the workspace"),
    ]
    return Group(
        DimRule(),
        line,
        Text(),
        pairs(facts),
        Text(),
        _terms(link),
        Text(),
        bullet("Bits add up: each one doubles the odds of one incident, each one below zero halves them."),
        bullet("This accuses nobody. Who is suspected of a campaign, and why, is what 'leaktrace trace' says."),
    )


def _told(side: LinkSide) -> str:
    seller = f"seller {words.plain(side.seller)}" if side.seller else "no seller tied to it"
    customers = words.count(side.customer_count, "customer")
    told = f"{words.count(side.report_count, 'report')} from {customers}" if side.report_count else customers
    return f"{told}, first mail {words.day(side.first_mail_at)}, {seller}, finding: {side.outcome}"


def _terms(link: Link) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Evidence", no_wrap=True)
    table.add_column("Bits", justify="right", no_wrap=True)
    table.add_column("Because", overflow="fold")
    for term in link.terms:
        shared = ", ".join(words.plain(name) for name in term.shared if term.name == "sender")
        because = words.plain(f"{term.sentence}{f' Shared: {shared}.' if shared else ''}")
        capped = " (capped)" if term.capped else ""
        table.add_row(_LABELS[term.name], f"{words.bits(term.bits)}{capped}", Text(because))
    return table
