"""Which duties bind and by when, in the terminal and as a page: clocks first, then open questions, then the rest.

For whom no rule is known stands above all of it: what follows is then not everything that may be owed.
"""

from __future__ import annotations

from jinja2 import Environment
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.caserecords import Duty, DutyAnswer, DutyAssessment
from leaktrace.report import words
from leaktrace.report.page import environment
from leaktrace.report.rule import DimRule
from leaktrace.report.terminal import bullet

_ANSWERS: dict[DutyAnswer, tuple[str, str]] = {
    "yes": ("YES", "bold red"),
    "probably_yes": ("PROBABLY YES", "bold yellow"),
    "needs_a_human": ("NEEDS A HUMAN", "bold magenta"),
    "probably_no": ("probably no", "dim"),
    "no": ("no", "dim"),
}
_OPEN = ("yes", "probably_yes", "needs_a_human")


def render_duties(assessment: DutyAssessment) -> RenderableType:
    """What `duties` shows."""
    open_ones = [duty for duty in assessment.duties if duty.answer in _OPEN]
    rest = [duty for duty in assessment.duties if duty.answer not in _OPEN]
    parts: list[RenderableType] = [DimRule(), Text(assessment.disclaimer, style="bold"), Text()]
    parts += [bullet(words.plain(sentence)) for sentence in assessment.notes]
    parts += [Text(words.plain(one.sentence), style="bold magenta") for one in assessment.without_rule]
    parts += [Text(), _table(open_ones, assessment.strictest_for_unknown), Text()] if open_ones else [Text()]
    for duty in open_ones:
        parts += [_detail(duty), Text()]
    if rest:
        parts.append(Text("Not owed, as far as these rules and facts go:", style="bold"))
        parts += [bullet(words.plain(f"{duty.law}, {duty.article}: {why_not(duty)}")) for duty in rest]
    return Group(*parts)


def _table(duties: list[Duty], assumed: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Answer", "By", "Left", "Who is told", "Rule"):
        table.add_column(heading, overflow="fold")
    for duty in duties:
        label, style = _ANSWERS[duty.answer]
        where = f"{duty.rule} (a residence is not known)" if duty.rule in assumed else duty.rule
        table.add_row(Text(label, style=style), due(duty), left(duty), Text(words.plain(duty.recipient)), Text(where))
    return table


def _detail(duty: Duty) -> RenderableType:
    label, style = _ANSWERS[duty.answer]
    head = Text()
    head.append(f"{label}  ", style=style)
    head.append(words.plain(f"{duty.law}, {duty.article}"), style="bold")
    return Group(head, Text(words.plain(duty.asks)), *(bullet(words.plain(line)) for line in told_lines(duty)))


def told_lines(duty: Duty) -> list[str]:
    """Everything behind one answer, a line each."""
    lines = [*duty.reasons]
    if duty.deadline:
        began = words.instant(duty.deadline.started_at) if duty.deadline.started_at else "not known"
        lines.append(f"Clock: {duty.deadline.clock}, from '{duty.deadline.start}' ({began}); due: {due(duty)}")
    facts = [
        f"{one.fact} = {one.value}" + (f" (presumed: {one.because})" if one.because else "") for one in duty.facts_used
    ]
    if facts:
        lines.append(f"Facts: {'; '.join(facts)}")
    if duty.residences:
        lines.append("Residents: " + ", ".join(f"{place} {count}" for place, count in duty.residences.items()))
    if duty.required_content:
        lines.append(f"Has to say: {'; '.join(duty.required_content)}")
    if duty.forbidden_content:
        lines.append(f"Must not say: {', '.join(word.replace('_', ' ') for word in duty.forbidden_content)}")
    lines += [f"Channel: {one}" for one in duty.channels]
    if duty.quotation:
        lines.append(f"The text says: “{duty.quotation}”")
    checked = f"checked on {duty.checked_on}" if duty.checked_on else "checked by no lawyer"
    lines.append(f"Source: {duty.source}; {checked}")
    return lines


def due(duty: Duty) -> str:
    """When it is too late, or what the law says instead of a date."""
    if duty.deadline is None:
        return ""
    if duty.deadline.due_at is not None:
        return words.instant(duty.deadline.due_at)
    return duty.deadline.clock if duty.deadline.started_at else f"{duty.deadline.clock} from '{duty.deadline.start}'"


def left(duty: Duty) -> str:
    """Hours left, or that it is over."""
    hours = duty.deadline.hours_left if duty.deadline else None
    if hours is None:
        return ""
    return f"{hours} h" if hours >= 0 else f"OVER by {-hours} h"


def why_not(duty: Duty) -> str:
    """The reasons of a duty that is not owed, in one line."""
    return " ".join(duty.reasons)


def duties_page(assessment: DutyAssessment) -> str:
    """One self-contained HTML page; equal input gives equal text."""
    page: Environment = environment()
    return page.get_template("duties.html.j2").render(
        assessment=assessment,
        open_ones=[duty for duty in assessment.duties if duty.answer in _OPEN],
        rest=[duty for duty in assessment.duties if duty.answer not in _OPEN],
        label={answer: label for answer, (label, _) in _ANSWERS.items()},
        lines=told_lines,
        due=due,
        left=left,
        why_not=why_not,
    )
