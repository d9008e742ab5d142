"""Fills a statement from the facts of a case. Pure: the same facts give the same text."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from datetime import datetime

from markupsafe import Markup

from leaktrace.caserecords import StatementDraft, StatementSentence
from leaktrace.errors import ResponseError
from leaktrace.response.statement.claims import StatementFacts
from leaktrace.response.statement.sentences import Sentence, Wording, environment

PUBLIC = "public"
_LONGEST = 200


def draft(
    case: str,
    facts: StatementFacts,
    wordings: Sequence[Wording],
    *,
    company: str,
    contact: str,
    audience: str = PUBLIC,
    forbidden: Collection[str] | None = (),
) -> StatementDraft:
    """The statement in each language: exactly the sentences that the facts bear and the audience's law allows.

    `forbidden`: what the audience's law forbids to say; null: no law of there is known, and the draft says so.
    """
    for name, value in (("company", company), ("contact", contact)):
        if not value.strip() or len(value) > _LONGEST or not value.isprintable():
            raise ResponseError(f"The {name} is no line of at most {_LONGEST} characters.", f"Give it with --{name}.")
    kept: dict[str, tuple[StatementSentence, ...]] = {}
    left_out: list[str] = []
    if forbidden is None:
        left_out.append(f"nothing for {audience}: no rule is known of what its law forbids to say: ask counsel")
    for wording in wordings:
        values = _values(facts, wording, company, contact)
        told = []
        for sentence in wording.sentences:
            why = _why_not(sentence, facts, forbidden or ())
            if why is None:
                text = _filled(sentence, values)
                told.append(StatementSentence(sentence.id, text, sentence.when))
            else:
                left_out.append(f"{wording.language}: {sentence.id}: {why}")
        kept[wording.language] = tuple(told)
    return StatementDraft(
        case=case,
        audience=audience,
        titles={wording.language: wording.title for wording in wordings},
        sentences=kept,
        left_out=tuple(left_out),
        exposure_sha256=facts.exposure_sha256,
        company=company,
        contact=contact,
    )


def statement_text(statement: StatementDraft, language: str) -> str:
    """The text to publish, plain."""
    lines = [statement.titles[language], "", *(one.text for one in statement.sentences[language])]
    return "\n".join(lines) + "\n"


def statement_html(statement: StatementDraft, language: str) -> str:
    """The text to publish, as a part of a page."""
    paragraphs = "\n".join(f"<p>{html.escape(one.text)}</p>" for one in statement.sentences[language])
    title = html.escape(statement.titles[language])
    return f'<article lang="{language}" dir="ltr">\n<h1>{title}</h1>\n{paragraphs}\n</article>\n'


def _why_not(sentence: Sentence, facts: StatementFacts, forbidden: Collection[str]) -> str | None:
    if missing := [claim for claim in sentence.when if claim not in facts.claims]:
        return f"the case does not show {', '.join(missing)}"
    if told := [what for what in sentence.tells if what in forbidden]:
        return f"the law of the audience forbids {', '.join(word.replace('_', ' ') for word in told)}"
    return None


def _values(facts: StatementFacts, wording: Wording, company: str, contact: str) -> dict[str, str]:
    """Only what is known; a number only where numbers may be said."""
    kinds = dict.fromkeys(wording.fields.get(kind, wording.fields["other"]) for kind in facts.field_kinds)
    values = {"company": company, "contact": contact}
    if kinds:
        values["fields"] = ", ".join(kinds)
    if facts.since_at and facts.until_at:
        values |= {"since": _day(facts.since_at), "until": _day(facts.until_at)}
    if "numbers_allowed" in facts.claims:
        values |= {"confirmed": str(facts.confirmed_count), "shown": str(facts.affected_count)}
    return values


def _filled(sentence: Sentence, values: dict[str, str]) -> str:
    if missing := [name for name in sentence.uses if name not in values]:
        raise ResponseError(
            f"The sentence '{sentence.id}' names {', '.join(missing)}, which the case does not know.",
            "Give the sentence the claim that carries it, under when.",
        )
    rendered = environment().from_string(sentence.text).render(values)
    # Escaped by the sandbox; the plain text is what a reader would see of it.
    return Markup(rendered).unescape()  # noqa: S704 - comes from an escaping environment


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
