"""A case on the screen."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.casedesk.desk import SubjectFacts
from leaktrace.casedesk.exposurenumbers import ExposureSummary
from leaktrace.casedesk.views import CaseView
from leaktrace.caserecords import DutiesAssessed, ExposureFrozen, SubjectSet
from leaktrace.cases import CheckLine
from leaktrace.report import words
from leaktrace.report.terminal import add_row

_MOST_ROWS = 200
_SAID = {"yes": "may be said", "no": "is not true", "cannot_be_said": "cannot be said"}


def render_case(view: CaseView) -> RenderableType:
    """A case as it stands: the head, then only what there is."""
    rows = [
        ("State", view.state + (f", {view.conclusion.replace('_', ' ')}" if view.conclusion else "")),
        ("Opened", f"{words.instant(view.opened_at)} by {view.opened_by}"),
        ("About", _subjects(view)),
        ("Findings", ", ".join(f"{one.exhibit} ({one.outcome})" for one in view.findings) or "none"),
        ("Exposure", _exposure(view.exposure)),
        ("Duties", _duties(view.duties)),
        ("Exhibits", str(view.exhibit_count)),
        ("People", ", ".join(f"{name} ({', '.join(roles)})" for name, roles in view.admitted.items())),
        ("Locked out", _locked_out(view)),
        ("Legal hold", "yes" if view.held else "no"),
    ]
    rows += [(f"Open checks, {one}", ", ".join(left)) for one, left in view.open_checks.items() if left]
    rows += [(f"For another person, {one}", ", ".join(said)) for one, said in view.speaking_for_another.items() if said]
    rows += [(one.request, f"{one.action.replace('_', ' ')} of {one.target}: {one.state}") for one in view.requests]
    rows += [(f"Contained, {one.target}", one.state.replace("_", " ")) for one in view.contained]
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        add_row(table, Text(name, style="bold"), value)
    return Group(Text(f"{view.case}  {words.plain(view.title)}", style="bold"), Text(words.plain(view.summary)), table)


def _locked_out(view: CaseView) -> str:
    concerned = (f"{view.concerned_count} whom the case concerns",) if view.concerned_count else ()
    return ", ".join((*view.locked_out, *concerned)) or "nobody"


def _subjects(view: CaseView) -> str:
    if view.subjects is None:
        return "nobody yet"
    return ", ".join((*view.subjects.principals, *(f"seller {one}" for one in view.subjects.sellers)))


def _exposure(frozen: ExposureFrozen | None) -> str:
    if frozen is None:
        return "not frozen"
    return f"{words.count(frozen.customer_count, 'customer')}, 'only e-mail addresses' {_SAID[frozen.only_email]}"


def _duties(assessed: DutiesAssessed | None) -> str:
    if assessed is None:
        return "not assessed"
    places = assessed.without_rule()
    open_ones = sum(answer not in ("no", "probably_no") for answer in assessed.answers.values()) - len(places)
    said = f"{assessed.exhibit}: {words.count(open_ones, 'answer')} owed or open"
    return f"{said}; no rule is known for {', '.join(places)}: ask counsel" if places else said


def no_longer(before: SubjectSet | None, now: SubjectSet | None) -> tuple[str, ...]:
    """Whom a case is no longer about, in a sentence; none where nobody was left out."""
    if before is None or now is None:
        return ()
    left = [one for one in before.principals if one not in now.principals]
    left += [f"seller {one}" for one in before.sellers if one not in now.sellers]
    return (f"No longer about {', '.join(left)}. Name all whom the case is about in one go.",) if left else ()


def render_checks(lines: tuple[CheckLine, ...], facts: tuple[SubjectFacts, ...]) -> RenderableType:
    """The list of checks with the answers, and what the log can say below."""
    if not lines:
        return Text("The case has no subject inside yet: leaktrace case subject.")
    table = Table("subject", "check", "question", "answer", "whom to ask")
    for line in lines:
        said = "open" if line.answered is None else line.answered.answer
        add_row(table, line.subject, line.check.check, line.check.question, said, line.check.ask)
    told = [
        Text(f"{one.subject}, {fact.about}: {fact.reading.replace('_', ' ')}. {fact.sentence}")
        for one in facts
        for fact in one.facts
    ]
    return Group(table, Text("What the access log says (it answers nothing):", style="bold"), *told)


def render_exposure(
    frozen: ExposureFrozen | None, earlier: ExposureFrozen | None, summary: ExposureSummary
) -> RenderableType:
    """The exposure list in numbers. `frozen`: just now; `earlier`: the one that holds in the case."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, counts in (
        ("How sure", summary.by_certainty),
        ("Fields", summary.by_field),
        ("Living in", summary.by_jurisdiction),
        ("Seen in the mails", summary.fields_in_mail),
    ):
        shown = ", ".join(f"{key} {value:,}" for key, value in counts.items()) or "none"
        add_row(table, Text(name, style="bold"), shown)
    head = (
        f"{words.count(summary.customer_count, 'customer')}, {words.count(summary.access_count, 'access', 'accesses')}"
    )
    if frozen is not None:
        state = f"Frozen as {frozen.exhibit}, SHA-256 {frozen.sha256}."
    elif earlier is not None:
        listed = words.count(earlier.customer_count, "customer")
        state = f"This is what would be frozen now; {earlier.exhibit} is frozen, with {listed}: --rows shows it."
    else:
        state = "Not frozen yet: --freeze."
    only = f"'Only e-mail addresses' {_SAID[summary.only_email]}: {summary.only_email_reason}"
    return Group(Text(head, style="bold"), table, Text(only), *(Text(one) for one in summary.notes), Text(state))


def render_facts(document: dict[str, Any]) -> RenderableType:
    """The rows of a frozen exposure list, the first ones."""
    table = Table("customer", "how sure", "fields", "first shown", "living in", "accesses")
    rows = document["rows"]
    for row in rows[:_MOST_ROWS]:
        fields = ", ".join((*row["fields"], *(f"{one} (seen in the mail)" for one in row["widened_by"])))
        add_row(
            table, row["customer"], row["certainty"], fields, row["first_shown_at"], row["jurisdiction"] or "not known",
            str(row["access_count"]),
        )  # fmt: skip
    left = len(rows) - _MOST_ROWS
    return Group(table, *([Text(f"and {left:,} more: --json has all")] if left > 0 else []))
