"""A drafted statement and its gate, in the terminal: the text first, then what it stands on, then what is missing."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from leaktrace.caserecords import GateVerdict, StatementState
from leaktrace.report import words
from leaktrace.report.rule import DimRule
from leaktrace.report.terminal import bullet


def render_statement(state: StatementState) -> RenderableType:
    """What `statement draft` and `statement show` show."""
    parts: list[RenderableType] = [DimRule()]
    for language, sentences in state.draft.sentences.items():
        parts += [Text(words.plain(f"{language}: {state.draft.titles[language]}"), style="bold")]
        for one in sentences:
            claims = f"  [{', '.join(one.claims)}]" if one.claims else ""
            line = Text(words.plain(one.text))
            line.append(claims, style="dim")
            parts.append(line)
        parts.append(Text())
    parts += [bullet(words.plain(f"Left out: {one}")) for one in state.draft.left_out]
    parts += [Text(), render_gate(state.gate), Text()]
    done = "PUBLISHED" if state.published else "Not published."
    parts.append(Text(f"{done} Exhibit {state.exhibit}, {state.sha256}. Two people sign: {state.parameters_sha256}"))
    return Group(*parts)


def render_gate(gate: GateVerdict) -> RenderableType:
    """Each condition, met or not, and why."""
    head = ("GATE OPEN", "bold green") if gate.met else ("GATE SHUT", "bold red")
    lines: list[RenderableType] = [Text(head[0], style=head[1])]
    for one in gate.conditions:
        mark = "met" if one.met else "NOT MET"
        lines.append(bullet(words.plain(f"{one.gate}: {mark}. {one.text} {one.because}")))
    return Group(*lines)
