"""A finding in the terminal: the sentence first, then compact tables. Plain words; colour repeats, never carries."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Explanation, Exposure, Finding
from leaktrace.report import words
from leaktrace.report.rule import DimRule
from leaktrace.report.story import Story, standing, tell
from leaktrace.report.strands import Strand

_MOST_CANDIDATES = 8
_MOST_MEMBERS = 12
_STYLES = {"named": "bold red", "nobody": "bold green", "undecided": "bold yellow"}


def render_finding(finding: Finding, explanation: Explanation, *, show_candidates: bool = False) -> RenderableType:
    """What `trace` shows: outcome, numbers, what speaks for and against, what the log can show, what to do next.

    Candidates whom nobody suspects are shown only on request or where somebody is named (DESIGN 4.4).
    """
    story = tell(finding, explanation, show_candidates=show_candidates)
    parts: list[RenderableType] = [headline(story)]
    if story.because or story.more_reports:
        parts.append(Text(f"{story.because or ''} {story.more_reports or ''}".strip()))
    parts += [Text(), _facts(finding, explanation, story)]
    for strand in story.strands:
        parts += _strand_lines(strand)
    if story.candidates:
        parts += [Text(), _candidate_table(finding, story)]
        if len(story.candidates) > _MOST_CANDIDATES:
            parts.append(Text(f"and {len(story.candidates) - _MOST_CANDIDATES} more, less likely"))
    if story.withheld_sentence:
        parts += [Text(), Text(story.withheld_sentence)]
    parts += [Text(), Text("What to do next", style="bold")]
    parts += [bullet(step) for step in story.next_steps]
    return Group(*parts)


def headline(story: Story) -> RenderableType:
    """Mark, label and sentence of the outcome."""
    line = Text()
    line.append(f"{story.mark} {story.label.upper()}  ", style=_STYLES[story.outcome])
    line.append(story.headline, style="bold")
    return Group(DimRule(), line)


def bullet(sentence: str) -> RenderableType:
    """One point of a list, its further lines indented."""
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=1)
    line.add_column(overflow="fold")
    line.add_row("-", Text(sentence))
    return line


def pairs(rows: list[tuple[str, str]]) -> Table:
    """Two columns, label and value; long values fold."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", max_width=26, overflow="fold")
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(Text(label), Text(value))
    return table


def add_row(table: Table, *cells: str | Text) -> None:
    """A row whose texts are shown as they are: what came from outside styles, hides and breaks nothing."""
    table.add_row(*(Text(words.plain(cell)) if isinstance(cell, str) else cell for cell in cells))


def _facts(finding: Finding, explanation: Explanation, story: Story) -> Table:
    evidence = finding.evidence
    seller = explanation.seller_name or explanation.seller
    rows = [
        ("Seller", words.plain(seller) if seller else "no seller could be tied to it"),
        (
            "Evidence",
            f"{words.evidence(evidence)}, {words.day(evidence.window.start)} to {words.day(evidence.window.end)}",
        ),
        ("Nobody inside", f"{words.percent(finding.no_insider_probability)} chance"),
        ("A name needs", words.percent(finding.naming_threshold)),
    ]
    if finding.exposure is not None:
        shown = ", ".join(f"{words.plain(name)} {amount:,}" for name, amount in finding.exposure.fields.items())
        rows.append(("Customers shown", f"{finding.exposure.customers_opened:,} ({shown or 'fields not known'})"))
        rows.append(
            ("Mailed or on a list" if evidence.listed_count else "Mail confirmed", _mailed_words(finding.exposure))
        )
    if finding.prior is not None:
        rows.append(("Before the reports", finding.prior.sentence))
    if finding.error_budget is not None:
        rows.append(
            ("Names given here", f"{finding.error_budget.sentence} {words.looks(finding.error_budget.look_count)}")
        )
    rows.append(("What the log can show", story.coverage_sentence))
    serious = sum(gap.serious for gap in story.gaps)
    if story.gaps:
        rows.append(("Gaps in the log", f"{len(story.gaps):,}, of which {serious:,} could hide a source"))
    return pairs(rows)


def _mailed_words(exposure: Exposure) -> str:
    estimate = exposure.mailed_estimate
    if estimate.mid is None or estimate.low is None or estimate.high is None:
        return f"{exposure.customers_confirmed:,}; how many more were mailed is not known"
    return (
        f"{exposure.customers_confirmed:,}; mailed about {estimate.mid:,} ({estimate.low:,} to {estimate.high:,}), so "
        f"{exposure.customers_likely:,} more likely and {exposure.customers_possible:,} possibly"
    )


def _strand_lines(strand: Strand) -> list[RenderableType]:
    chance = words.percent(strand.probability)
    if strand.kind == "set":
        members = words.listing(strand.principals[:_MOST_MEMBERS])
        more = len(strand.principals) - _MOST_MEMBERS
        title = f"The set of {len(strand.principals)}: {members}{f' and {more} more' if more > 0 else ''}"
        lines: list[RenderableType] = [
            Text(),
            Text(title, style="bold"),
            Text(f"Chance that at least one of them is a source: {chance}. No single one of them is accused."),
        ]
    else:
        suspected = "" if strand.kind == "named" else " (not suspected)"
        lines = [Text(), Text(f"{strand.label}{suspected}: {chance} chance of being a source", style="bold")]
    if strand.frequency_sentence:
        lines.append(Text(strand.frequency_sentence))
    if strand.separated_by:
        lines.append(Text(strand.separated_by))
    lines += [bullet(f"Against: {sentence}") for sentence in strand.against]
    return lines


def _candidate_table(finding: Finding, story: Story) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Principal", max_width=20, overflow="ellipsis", no_wrap=True)
    for head in ("Chance", "Shown", "By chance", "Bits"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Standing", no_wrap=True)
    for one in story.candidates[:_MOST_CANDIDATES]:
        table.add_row(
            Text(words.plain(one.principal)),
            words.percent(one.probability),
            words.number(one.opened_count),
            words.number(one.expected_opened_count),
            words.bits(one.weight_bits),
            standing(one, finding).removesuffix(", not accused"),
        )
    return table
