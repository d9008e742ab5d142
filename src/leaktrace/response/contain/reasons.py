"""The statement of reasons for a blocked seller, from the facts of the case.

Regulation (EU) 2019/1150, Art. 4(1), (5) asks for the reasons, the specific facts and the grounds of the terms, on a
durable medium, before or when the restriction takes effect; Regulation (EU) 2022/2065, Art. 17(3) for the decision, its
territory and duration, facts, automated means, legal or contractual ground, and redress. It names no customer, no
reporter (Art. 17(3)(b): only where strictly necessary), and nobody inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leaktrace.caserecords import StatementOfReasons
from leaktrace.errors import ResponseError, meant
from leaktrace.response.contain.interface import SellerFacts


@dataclass(frozen=True, slots=True)
class ReasonsPolicy:
    """What the marketplace says in every such statement."""

    marketplace: str
    terms_clause: str
    """Which clause of its terms forbids it."""
    territory: str
    duration: str
    complaint: str
    """How to complain inside (2019/1150 Art. 11; 2022/2065 Art. 20)."""
    dispute: str
    """Mediation or out-of-court settlement (2019/1150 Art. 12; 2022/2065 Art. 21)."""


_KEYS = ("marketplace", "terms_clause", "territory", "duration", "complaint", "dispute")


def reasons_policy(table: Mapping[str, object]) -> ReasonsPolicy:
    """The [statement] table of contain.toml; ResponseError where something is missing."""
    values: dict[str, str] = {}
    for key in _KEYS:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ResponseError(f"contain.toml: [statement] does not say {key}.", "A seller has to be told it.")
        values[key] = value.strip()
    if unknown := sorted(set(table) - set(_KEYS)):
        raise ResponseError(
            f"contain.toml: [statement] has no key '{unknown[0]}'.",
            f"{meant(unknown[0], _KEYS)}It has {', '.join(_KEYS)}.",
        )
    return ReasonsPolicy(**values)


def statement_of_reasons(
    policy: ReasonsPolicy, facts: SellerFacts, at: datetime, justification: str | None = None
) -> StatementOfReasons:
    """The statement; ResponseError where the case holds no fact to give as a reason."""
    told = _facts(facts, justification)
    if not told:
        raise ResponseError(
            "The case holds no fact about mails of this seller.", "Attach the finding or the reports to the case first."
        )
    return StatementOfReasons(
        seller=facts.seller,
        decision=f"{policy.marketplace} suspends your account and the offers in it.",
        territory=policy.territory,
        duration=policy.duration,
        facts=told,
        origin="The decision follows from complaints of customers and an investigation of our own.",
        automated_means=(
            "A program sorted the complaints and compared them with our records. Two persons examined the result and "
            "took the decision; it was not taken by automated means."
        ),
        contractual_ground=policy.terms_clause,
        legal_ground="The decision rests on our terms; it is no finding that content is unlawful.",
        redress=(policy.complaint, policy.dispute, "You may also go to court."),
        takes_effect_at=at,
    )


def _facts(facts: SellerFacts, justification: str | None) -> tuple[str, ...]:
    told = []
    if facts.report_count:
        told.append(
            f"{facts.report_count} complaint(s) by {facts.customer_count} customer(s) of ours about advertising mail "
            "that they had not asked for and that leads to your offers."
        )
    if facts.first_mail_at and facts.last_mail_at:
        told.append(f"The mails were sent between {_day(facts.first_mail_at)} and {_day(facts.last_mail_at)}.")
    if facts.decoy_hit_count:
        told.append(
            f"{facts.decoy_hit_count} address(es) that belong to nobody and were never given to anyone got such mail."
        )
    if justification:
        # The seller can only answer to what decided: a reason kept from them is none (2019/1150 Art. 4(5)).
        told.append(f"That the mails are yours we also take from this: {justification}")
    return tuple(told) if facts.report_count or facts.decoy_hit_count else ()


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def statement_text(statement: StatementOfReasons) -> str:
    """The statement as a text on a durable medium."""
    lines = [
        "Statement of reasons",
        "",
        f"To: {statement.seller}",
        "",
        statement.decision,
        f"Takes effect: {statement.takes_effect_at.strftime('%Y-%m-%d %H:%M UTC')}",
        f"Where: {statement.territory}",
        f"For how long: {statement.duration}",
        "",
        "Facts:",
        *(f"- {fact}" for fact in statement.facts),
        "",
        statement.origin,
        statement.automated_means,
        "",
        f"Ground: {statement.contractual_ground}",
        statement.legal_ground,
        "",
        "What you can do:",
        *(f"- {way}" for way in statement.redress),
    ]
    return "\n".join(lines) + "\n"
