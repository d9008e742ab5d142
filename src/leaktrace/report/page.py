"""The finding as one self-contained HTML page: no network, no script, every foreign text escaped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leaktrace.records import Explanation, Finding, ReportTerm
from leaktrace.report import pictures, words
from leaktrace.report.story import Mail, Story, standing, tell
from leaktrace.report.strands import Strand

_OPEN_ROWS = 25
"""Rows of a table that are open on the screen; the others unfold, and print."""


@dataclass(frozen=True, slots=True)
class _StrandView:
    """A strand with its pictures, ready for the templates."""

    strand: Strand
    anchor: str
    timeline: Markup | None
    weights: Markup | None


def finding_page(finding: Finding, explanation: Explanation, *, show_candidates: bool = False) -> str:
    """One HTML document for a privacy officer, a court or a printer; equal input gives equal text.

    Candidates whom nobody suspects are on it only with `show_candidates`, or where somebody is named (DESIGN 4.4).
    """
    story = tell(finding, explanation, show_candidates=show_candidates)
    strands = [_view(strand, i) for i, strand in enumerate(story.strands, start=1)]
    compared = pictures.opened_and_expected(story.candidates, finding.evidence.customer_count, "opened")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            finding=finding,
            explanation=explanation,
            story=story,
            strands=strands,
            compared=_inline(compared),
            mails_picture=_inline(pictures.timeline(story.mails, "mails")),
            again=command_again(finding),
            standing=lambda one: standing(one, finding),
            open_rows=_OPEN_ROWS,
            # Colleagues whom nobody suspects: no more of them than the comparison needs, unless asked for.
            candidate_rows=len(story.candidates) if show_candidates else pictures.MOST_CANDIDATES,
            most_rows=pictures.MOST_ROWS,
            most_candidates=pictures.MOST_CANDIDATES,
            times_order=_by_time,
            weight_order=_by_weight,
            error_chance=_chance_of_error(story),
        )
    )


def command_again(finding: Finding) -> str:
    """The command line that computes this finding again, quoted for a shell."""
    provenance = finding.provenance
    parts = ["leaktrace", "trace", words.plain(provenance.campaign), "--field", words.plain(provenance.field), "--json"]
    return shlex.join(parts)


def _view(strand: Strand, number: int) -> _StrandView:
    anchor = f"strand-{number}"
    return _StrandView(
        strand=strand,
        anchor=anchor,
        timeline=_inline(pictures.timeline(strand.terms, f"{anchor}-times")),
        weights=_inline(pictures.weights(strand.terms, f"{anchor}-weights")),
    )


def _inline(drawn: str | None) -> Markup | None:
    # Built by ElementTree from elements on a list, all text escaped: safe to stand in the page as it is.
    return None if drawn is None else Markup(drawn)  # noqa: S704


def _by_time(rows: Sequence[ReportTerm | Mail]) -> list[ReportTerm | Mail]:
    return sorted(rows, key=lambda row: row.mail_at.timestamp() if row.mail_at else float("inf"))


def _by_weight(terms: Sequence[ReportTerm]) -> list[ReportTerm]:
    return sorted(terms, key=lambda term: -term.weight_bits)


def _chance_of_error(story: Story) -> str | None:
    named = [strand.probability for strand in story.strands if strand.kind == "named"]
    return words.error_chance(min(named)) if named else None


def environment() -> Environment:
    """Templates of this room: every text is escaped, a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("leaktrace.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=words.plain,
        percent=words.percent,
        number=words.number,
        bits=words.bits,
        instant=words.instant,
        day=words.day,
        listing=words.listing,
        days_between=words.days_between,
        gap_kind=words.gap_kind,
    )
    environment.globals.update(
        count=words.count, evidence_words=words.evidence, field_noun=words.field_noun, looks=words.looks
    )
    return environment
