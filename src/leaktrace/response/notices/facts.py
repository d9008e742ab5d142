"""What a batch of notices says beside the template: facts of the case and of the company, each true or absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from babel.dates import format_date
from babel.lists import format_list

from leaktrace.errors import ResponseError
from leaktrace.response.notices.templates import Template

Measure = Literal["access_suspended", "seller_blocked", "authority_told", "police_told"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
Safeguard = Literal["access_logged", "access_limited", "encrypted"]
MEASURES_SAID: dict[Measure, str] = {
    "access_suspended": "that access was suspended",
    "seller_blocked": "that the seller was blocked",
    "authority_told": "that the authority was told",
    "police_told": "that the police was told",
}
"""What the case would have an entry of, were the measure written down in it."""
SAFEGUARDS: tuple[Safeguard, ...] = get_args(Safeguard)
ISOLATED = frozenset(
    {
        "company",
        "contact_mail",
        "contact_page",
        "contact_phone",
        "contact_post",
        "officer",
        "noticed_on",
        "occurred_from",
        "occurred_to",
        "reference",
    }
)
"""Placeholders whose values may run in another direction than the text around them."""
_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
REFERENCE_MARK = "\ue000reference\ue000"
"""Stands for one person's reference in a rendered variant; no template, fact or address may hold the character."""


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """The same for everybody in a batch. Empty or null: not said, and a template that needs it stops the batch."""

    company: str
    contact_mail: str = ""
    contact_page: str = ""
    """https only."""
    contact_phone: str = ""
    contact_post: str = ""
    officer: str = ""
    noticed_on: date | None = None
    occurred_from: date | None = None
    occurred_to: date | None = None
    measures: tuple[Measure, ...] = ()
    safeguards: tuple[Safeguard, ...] = ()


def values_of(template: Template, facts: NoticeFacts, fields: Sequence[str]) -> dict[str, str]:
    """Placeholder -> value in the template's language, for those it uses; ResponseError names every missing one."""
    values: dict[str, str] = {"reference": REFERENCE_MARK}
    for name in ("company", "contact_mail", "contact_page", "contact_phone", "contact_post", "officer"):
        values[name] = getattr(facts, name)
    for name in ("noticed_on", "occurred_from", "occurred_to"):
        moment = getattr(facts, name)
        values[name] = "" if moment is None else _told(moment, template.language)
    values["fields"] = _listed(template, fields)
    values["measures"] = " ".join(_sentence(template.measures, one, template) for one in facts.measures)
    values["safeguards"] = " ".join(_sentence(template.safeguards, one, template) for one in facts.safeguards)
    used = template.placeholders()
    if missing := sorted(name for name in used if not values.get(name, "").strip()):
        raise ResponseError(
            f"The template {template.name} needs {', '.join(missing)}, which nobody has said.",
            "No notice was sent. Say it in notices.toml, [contact], or to `notify plan`, as --measure, --safeguard …",
        )
    return {name: values[name] for name in used}


def _told(day: date, language: str) -> str:
    # Babel writes dates with European digits in Persian, which nobody there does in a letter.
    told = format_date(day, "long", locale=language)
    return told.translate(_PERSIAN_DIGITS) if language == "fa" else told


def _listed(template: Template, fields: Sequence[str]) -> str:
    unnamed = [name for name in fields if name not in template.fields]
    if unnamed and "fields" in template.placeholders():
        raise ResponseError(
            f"The template {template.name} has no word for the field {', '.join(unnamed)}.",
            "No notice was sent. Add it under [fields] of a template of your own, and have that approved.",
        )
    named = [template.fields[name] for name in fields if name in template.fields]
    return format_list(named, locale=template.language) if named else ""


def _sentence(sentences: dict[str, str], code: str, template: Template) -> str:
    if code in sentences:
        return sentences[code]
    # A law that forbids saying it has no sentences for it.
    if not sentences:
        return ""
    raise ResponseError(f"The template {template.name} has no sentence for '{code}'.", "No notice was sent. Add it.")
