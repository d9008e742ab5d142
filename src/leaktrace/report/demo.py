"""The demo's one screenful: what was found, how that compares with the truth, what to try next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from leaktrace.records import Explanation, Finding, SimulationTruth
from leaktrace.report import words
from leaktrace.report.story import tell
from leaktrace.report.terminal import headline, pairs

_MOST_NAMES = 4


def render_demo(
    finding: Finding,
    explanation: Explanation,
    truth: SimulationTruth,
    commands: Sequence[str],
    followed: Sequence[tuple[str, str]] | None = None,
) -> RenderableType:
    """The finding, the planted truth beside it, what followed from it, and commands for one's own logs."""
    story = tell(finding, explanation)
    parts: list[RenderableType] = [headline(story)]
    parts += [Text(strand.frequency_sentence) for strand in story.strands[:1]]
    parts += [Text(), pairs(_compared(finding, explanation, truth)), Text()]
    if followed is not None:
        parts += [Text("What followed:", style="bold"), pairs(list(followed)), Text()]
    parts.append(Text("Next, on your own logs:", style="bold"))
    parts += [
        Text(f"  {words.plain(command)}", style="bold", overflow="ellipsis", no_wrap=True) for command in commands
    ]
    return Group(*parts)


def _compared(finding: Finding, explanation: Explanation, truth: SimulationTruth) -> list[tuple[str, str]]:
    sets = [found for found in finding.sets if not set(found.principals) <= set(finding.named)]
    rows = [
        ("Planted source", _names(truth.sources) or "none: nobody inside did it"),
        ("Named", _names(finding.named) or "nobody"),
    ]
    if truth.tied:
        rows.append(("Tied with the source", f"{_names(truth.tied)} (no evidence can tell them apart)"))
    rows += [("Set, not accused", _names(found.principals)) for found in sets[:2] if len(found.principals) > 1]
    named_handlers = set(truth.handlers) & set(finding.named)
    handled = _names(tuple(sorted(named_handlers))) or "none of them is named"
    rows.append(("Complaint handlers", f"{len(truth.handlers)} opened records after the mail; {handled}"))
    seller = "found" if explanation.seller == truth.seller else f"found was {words.plain(explanation.seller or 'none')}"
    rows.append(("Planted seller", f"{words.plain(truth.seller)} ({seller})"))
    rows.append(("Compared", verdict(finding, truth)))
    return rows


def verdict(finding: Finding, truth: SimulationTruth) -> str:
    """How the finding compares with the planted truth, in one honest sentence."""
    named, sources = set(finding.named), set(truth.sources)
    wrong = named - sources
    if wrong:
        return f"WRONG: {_names(tuple(sorted(wrong)))} is named and is no source."
    if named:
        missing = sources - named
        return f"Right, but {_names(tuple(sorted(missing)))} was not found." if missing else "Right: exactly that."
    in_sets = {name for found in finding.sets for name in found.principals}
    if not sources:
        return "Right: there was no source inside." if finding.outcome == "nobody" else "Nobody was inside; left open."
    if finding.outcome == "nobody":
        return "MISSED: there was a source inside."
    if sources <= in_sets and truth.tied:
        return "Right: the source is in the set, and nothing tells its members apart."
    if sources <= in_sets:
        return "The source is in a set; what a name needs was not met."
    return "Not found: left open, and nobody is accused."


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMES
    return words.listing(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
