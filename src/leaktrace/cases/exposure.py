"""The exposure list: whose data, which fields, how sure; and whether "only e-mail addresses" may be said. Pure.

"Only e-mail addresses" is derived, never typed in. In this order:

1. Nobody is on the list: it cannot be said.
2. The finding is about another field, or the log shows that another field was shown to whom the finding names: no.
3. The unwanted mails show another field: no, whatever the log says.
4. Nobody is named (only a set is): somebody outside the list may be the source, so it cannot be said.
5. The log cannot show it: gaps, tools it never saw, bulk reads without customers, accesses to unnamed fields.
6. No mail could be read, or one shows numbers that may be the customer's: it cannot be said.
7. Else: yes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.caserecords import ExposureList, ExposureRow
from leaktrace.cases.mailfields import MailFields
from leaktrace.records import EVERY_FIELD, ExposedCustomer, LogCoverage, Outcome, Window

OnlyEmail = Literal["yes", "no", "cannot_be_said"]
_EMAIL = frozenset({"email", "e-mail", "e_mail", "email_address", "mail_address", "emailaddress"})
"""How logs call the address."""
_SAME: Mapping[str, frozenset[str]] = {
    "name": frozenset({"name", "firstname", "lastname", "surname", "fullname"}),
    "order": frozenset({"order", "orders", "invoice", "invoices", "purchase", "purchases"}),
    "phone": frozenset({"phone", "phones", "telephone", "tel", "mobile", "msisdn"}),
}
"""What a mail shows -> words that logs call it by."""


@dataclass(frozen=True, slots=True)
class Residence:
    """Where a customer lives and what they read; null: not known."""

    jurisdiction: str | None
    locale: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What an exposure list is made of."""

    campaign: str
    finding_sha256: str
    outcome: Outcome
    field: str
    window: Window
    customers: tuple[ExposedCustomer, ...]
    access_counts: Mapping[str, int]
    """Customer -> accesses by the principals of the finding in the window."""
    residences: Mapping[str, Residence]
    coverage: LogCoverage
    mails: MailFields
    evidence_customer_count: int
    """Customers in evidence: who told of the mail, or was found on a list."""
    late_count: int = 0
    """Customers first shown only after the campaign's first mail."""


def exposure_list(shown: Shown, frozen_at: datetime) -> ExposureList:
    """The list, by customer id."""
    window_end = shown.window.end or frozen_at
    rows = tuple(_row(one, shown) for one in sorted(shown.customers, key=lambda one: one.customer))
    answer, reason = only_email(shown, rows)
    return ExposureList(
        campaign=shown.campaign,
        finding_sha256=shown.finding_sha256,
        frozen_at=frozen_at,
        rows=rows,
        only_email=answer,
        only_email_reason=reason,
        window_start_at=shown.window.start,
        window_end_at=window_end,
        notes=_notes(shown, rows),
        fields_in_mail=dict(shown.mails.counts),
    )


def _row(one: ExposedCustomer, shown: Shown) -> ExposureRow:
    lives = shown.residences.get(one.customer, Residence(None, None))
    seen = shown.mails.by_customer.get(one.customer, ())
    return ExposureRow(
        customer=one.customer,
        certainty=one.status,
        fields=tuple(sorted(one.fields)),
        first_shown_at=one.first_shown_at,
        jurisdiction=lives.jurisdiction,
        locale=lives.locale,
        access_count=shown.access_counts.get(one.customer, 0),
        widened_by=tuple(field for field in seen if not _covers(one.fields, field)),
    )


def _covers(fields: Sequence[str], seen: str) -> bool:
    """Whether a field of the log is what the mail shows: logs write `order_id`, `phone_number`, `full-name`."""
    words = {word for field in fields for word in re.split(r"[^a-z0-9]+", field.casefold())}
    return bool(words & _SAME.get(seen, frozenset({seen})))


def only_email(shown: Shown, rows: Sequence[ExposureRow]) -> tuple[OnlyEmail, str]:
    """The answer with its reason in a sentence that names nobody; the rules are numbered above."""
    if not rows:  # 1
        return "cannot_be_said", "Nobody inside is suspected, so the log does not show whose data it was."
    shown_fields = {field for row in rows for field in row.fields} - {EVERY_FIELD}
    others = sorted(field for field in shown_fields if field.casefold() not in _EMAIL)
    if shown.field.casefold() not in _EMAIL or others:  # 2
        return "no", f"The log shows other fields for customers on the list: {', '.join(others) or shown.field}."
    if shown.mails.counts:  # 3
        told = ", ".join(f"{field} in {count} mail(s)" for field, count in shown.mails.counts.items())
        return "no", f"The unwanted mails themselves show more than an address: {told}."
    if shown.outcome != "named":  # 4
        return "cannot_be_said", "Nobody is named; the source may be somebody whose accesses are not on the list."
    if not shown.coverage.allows_fields_statement or any(EVERY_FIELD in row.fields for row in rows):  # 5
        return "cannot_be_said", f"The log cannot show it. {shown.coverage.sentence}"
    if shown.mails.looked_at_count == 0 or shown.mails.unclear_count:  # 6
        return "cannot_be_said", _unread(shown.mails)
    return "yes", (  # 7
        f"The log shows no other field for any of the {len(rows)} customers, has no gap that could hide one, and none "
        f"of the {shown.mails.looked_at_count} unwanted mails shows more than an address."
    )


def _unread(mails: MailFields) -> str:
    if mails.looked_at_count == 0:
        return "No unwanted mail with a readable text is at hand, so what its sender knew is not known."
    return (
        f"{mails.unclear_count} unwanted mail(s) show numbers that may be the customer's or the sender's own; mails to "
        "other customers would tell."
    )


def _notes(shown: Shown, rows: Sequence[ExposureRow]) -> tuple[str, ...]:
    notes = []
    widened = [row for row in rows if row.widened_by]
    if widened:
        fields = ", ".join(sorted({field for row in widened for field in row.widened_by}))
        notes.append(
            f"Mails to {len(widened)} customer(s) on the list show what the log does not: {fields}. The list is wider "
            "than the log, or the sender had another source too."
        )
    missing = shown.evidence_customer_count - sum(row.certainty == "confirmed" for row in rows)
    if missing > 0 and rows:
        notes.append(
            f"{missing} of {shown.evidence_customer_count} customers in evidence are not confirmed by this list: they "
            "are not known to have been shown in time to the principals it is about. Another source, of this finding "
            "or one that the log does not show, or another path is behind them."
        )
    listed = {row.customer for row in rows}
    outside = [customer for customer in shown.mails.by_customer if customer not in listed]
    if outside and rows:
        notes.append(
            f"Mails to {len(outside)} customer(s) who are not on the list show personal data: accesses of the named "
            "do not explain them."
        )
    if shown.late_count:
        notes.append(
            f"{shown.late_count} of the customers were first shown only after the campaign's first mail: the finding, "
            "which counts up to it, has so many fewer. What was shown after the last mail is not on the list."
        )
    unknown = sum(row.jurisdiction is None for row in rows)
    if unknown:
        notes.append(f"Where {unknown} customer(s) live is not known: the strictest plausible law is taken.")
    uncounted = sum(row.access_count == 0 for row in rows)
    if uncounted:
        notes.append(f"{uncounted} customer(s) have no access in the window beside the one that put them on the list.")
    return tuple(notes)
