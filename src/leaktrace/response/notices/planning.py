"""A frozen exposure list -> who gets which notice, or none by mail and why; pure. Everybody is in the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from leaktrace.caserecords import Certainty, ExposureList, ExposureRow, digest_of
from leaktrace.errors import ResponseError
from leaktrace.records import to_document
from leaktrace.response.notices.facts import NoticeFacts
from leaktrace.response.notices.laws import language_of, law_named, law_of
from leaktrace.response.notices.outboxrows import PlannedNotice
from leaktrace.response.notices.states import SuppressedReason
from leaktrace.response.notices.templates import Template
from leaktrace.response.notices.tokens import NoticeTokens

_RANK: dict[Certainty, int] = {"confirmed": 0, "likely": 1, "possible": 2}


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What decides who is written to and how."""

    least_certainty: Certainty = "possible"
    """Whose exposure is less sure is not written to."""
    default_language: str = "en"
    consented_laws: tuple[str, ...] = ()
    """Laws that ask for consent to notices by mail, of whose residents the company has it."""


@dataclass(frozen=True, slots=True)
class NoticePlan:
    """A batch as it is approved and planned."""

    case: str
    version: str
    exposure_sha256: str
    facts: NoticeFacts
    templates: dict[str, str]
    """`law/language` -> SHA-256 of the template, for those that are used."""
    sender: str
    notices: tuple[PlannedNotice, ...]
    told: dict[str, int]
    """Version -> people of the list whom it reached, or may have: they are left out, or written to again."""
    again_because: str = ""
    """Why those are written to again; empty: they are left out."""
    no_entry: tuple[str, ...] = ()
    """What the notices say and the case has no entry of, in words."""

    @property
    def planned_count(self) -> int:
        """People who are written to."""
        return sum(one.suppressed is None for one in self.notices)

    def parameters(self) -> dict[str, Any]:
        """Exactly what two people agree to: their approval is void when any of it changes."""
        agreed = {
            "case": self.case,
            "version": self.version,
            "exposure_sha256": self.exposure_sha256,
            "facts_sha256": digest_of(self.facts),
            "templates": dict(self.templates),
            "frozen_count": len(self.notices),
            "planned_count": self.planned_count,
            "from": self.sender,
        }
        if self.again_because:
            agreed |= {"told_again_after_version": dict(self.told), "again_because": self.again_because}
        elif self.told:
            agreed |= {"left_out_as_told_by_version": dict(self.told)}
        if self.no_entry:
            agreed["no_entry_in_the_case"] = list(self.no_entry)
        return agreed

    def document(self, rules: PlanRules) -> dict[str, Any]:
        """What the outbox keeps of it beside the people; `rules_of` and `facts_of` read it back."""
        return {
            "parameters": self.parameters(),
            "facts": to_document(self.facts),
            "rules": to_document(rules),
        }


def rules_of(document: dict[str, Any]) -> PlanRules:
    """The rules a kept plan was made by."""
    said = document["rules"]
    return PlanRules(said["least_certainty"], said["default_language"], tuple(said["consented_laws"]))


def facts_of(document: dict[str, Any]) -> NoticeFacts:
    """The facts a kept plan says."""
    said = dict(document["facts"])
    for name in ("noticed_on", "occurred_from", "occurred_to"):
        said[name] = None if said[name] is None else date.fromisoformat(said[name])
    for name in ("measures", "safeguards"):
        said[name] = tuple(said[name])
    return NoticeFacts(**said)


def fields_of(row: ExposureRow) -> tuple[str, ...]:
    """What the person is told was passed on: what the log shows and what the unwanted mails show."""
    return tuple(sorted({*row.fields, *row.widened_by}))


def planned(
    exposure: ExposureList,
    exposure_sha256: str,
    case: str,
    version: str,
    *,
    tokens: NoticeTokens,
    rules: PlanRules,
    facts: NoticeFacts,
    sender: str,
    template_of: Callable[[str, str], Template],
    told: Mapping[str, str] | None = None,
    again_because: str = "",
) -> NoticePlan:
    """The plan; ResponseError for an empty list, two people with one pseudonym, or a template that cannot be used.

    `exposure` has customers by pseudonym; `exposure_sha256` is that of the sealed list. `told`: person -> the version
    that reached them, or may have; they are left out, unless `again_because` says why they are written to again.
    Whoever calls fills every variant once before the first mail (`filled`), so that a missing placeholder stops it.
    """
    if not exposure.rows:
        raise ResponseError(f"Nobody is on the exposure list of {case}.", "There is nobody to tell.")
    told = told or {}
    left_out = frozenset() if again_because else frozenset(told)
    notices = tuple(_one(row, case, version, tokens, rules, left_out) for row in exposure.rows)
    if len({one.person for one in notices}) != len(notices):
        raise ResponseError(
            f"Two customers on the exposure list of {case} have the same pseudonym.",
            "Nothing was planned: one of them would be forgotten.",
        )
    wanted = sorted({(one.law, one.language) for one in notices if one.suppressed is None})
    used = {f"{law}/{language}": template_of(law, language).sha256 for law, language in wanted}
    concerned = [one for one in notices if one.suppressed in (None, "told_by_other_version")]
    by_version = dict(sorted(Counter(told[one.person] for one in concerned if one.person in told).items()))
    return NoticePlan(case, version, exposure_sha256, facts, used, sender, notices, by_version, again_because)


def _one(
    row: ExposureRow,
    case: str,
    version: str,
    tokens: NoticeTokens,
    rules: PlanRules,
    left_out: Collection[str],
) -> PlannedNotice:
    person, law = row.customer, law_of(row.jurisdiction)
    return PlannedNotice(
        person=person,
        notice=tokens.notice_id(case, version, person),
        law=law,
        language=language_of(row.locale, rules.default_language),
        fields=fields_of(row),
        suppressed="told_by_other_version" if person in left_out else _suppressed(row, law, rules),
    )


def _suppressed(row: ExposureRow, law: str, rules: PlanRules) -> SuppressedReason | None:
    if _RANK[row.certainty] > _RANK[rules.least_certainty]:
        return "below_certainty"
    if law_named(law).needs_consent_to_mail and law not in rules.consented_laws:
        return "no_consent_to_mail"
    return None


def not_approved(templates: Mapping[str, str], approved: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Templates of a plan of which nobody approved exactly this text. `approved`: (`law/language`, SHA-256)."""
    known: Collection[tuple[str, str]] = frozenset(approved)
    return tuple(sorted(name for name, sha256 in templates.items() if (name, sha256) not in known))
