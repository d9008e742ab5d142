"""What a case needs from ledger, mail and finding: parts of a finding, the exposure list, habits of an account.

The rooms do not know each other; here they meet through records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from leaktrace.caserecords import ExposureList
from leaktrace.cases import (
    AccountUse,
    FindingParts,
    HabitFact,
    MailFields,
    MailText,
    Residence,
    Shown,
    exposure_list,
    fields_in_mails,
    habit_facts,
)
from leaktrace.instants import instant_at
from leaktrace.intake.mailflow import MailFlow, MatchedReport
from leaktrace.keys import Keyring
from leaktrace.ledger import Ledger
from leaktrace.mailroom import shown_texts
from leaktrace.records import AccessRows, CustomerKey, Evidence, ExposedCustomer, Finding, Keys, Original, Window
from leaktrace.settings import Settings
from leaktrace.tracing.exposing import Whose, exposed_customers
from leaktrace.tracing.onetrace import Traced

_MOST_MAILS = 5_000
"""Mails of a campaign that are looked at for fields; the first by their digests."""


def finding_parts(finding: Finding) -> FindingParts:
    """A finding as a case takes it in: its JSON, and every principal whom the JSON names anywhere."""
    principals = {
        *finding.named,
        *(one.principal for one in finding.candidates),
        *(name for one in finding.sets for name in one.principals),
        *(one.principal for one in finding.why),
        *(name for gap in finding.log_coverage.gaps for name in gap.principals),
        *finding.provenance.settings.get("complaint_handlers", ()),
        *finding.provenance.settings.get("checked_bulk_readers", ()),
    }
    return FindingParts(
        document=finding.to_json().encode(),
        campaign=finding.provenance.campaign,
        outcome=finding.outcome,
        named=finding.named,
        seller=None,
        seller_probability=None,
        principals=tuple(sorted(principals)),
    )


def reporting_lines(ledger: Ledger) -> dict[str, str]:
    """Principal -> the principal they report to, as the principals table says."""
    return {facts.name: facts.reports_to for facts in ledger.principals() if facts.reports_to is not None}


# --- fields that the mails show ---------------------------------------------------------------------------


def mail_texts(mail: MailFlow, ledger: Ledger, settings: Settings, campaign: str) -> tuple[MailText, ...]:
    """The unwanted mails of a campaign as their readers saw them; none where the campaign came as a table."""
    reports = sorted(mail.reports_of(campaign), key=lambda one: (one.sha256, one.index))[:_MOST_MAILS]
    names = _names_of(ledger, [one.customer for one in reports if one.customer is not None])
    return tuple(_mail_text(mail, settings, one, names) for one in reports)


def _mail_text(mail: MailFlow, settings: Settings, report: MatchedReport, names: Mapping[CustomerKey, str]) -> MailText:
    record = mail.record(report.sha256)
    original = record.originals[report.index]
    texts = shown_texts(mail.raw(report.sha256), len(record.originals), settings)
    shown = texts[report.index]
    own_words = (original.subject, *_names_written(original), shown)
    return MailText(
        customer=None if report.customer is None else names.get(report.customer),
        text="\n".join(part for part in own_words if part) if shown else "",
        names=(record.reporter.name,) if record.reporter.name else (),
        addresses=tuple(
            address for address in (record.reporter.address, *(one.address for one in original.recipients)) if address
        ),
    )


def _names_written(original: Original) -> tuple[str, ...]:
    """How the mail's own To field calls its reader; of an inline forward the field is the reporter's client's."""
    if original.form.startswith("inline"):
        return ()
    return tuple(one.name for one in original.recipients if one.name and one.name != one.address)


def _names_of(ledger: Ledger, customers: Iterable[CustomerKey]) -> dict[CustomerKey, str]:
    keys: Keys = np.array(sorted(set(customers)), dtype=np.uint64)
    return dict(zip(keys.tolist(), ledger.customer_names(keys), strict=True))


# --- the exposure list ------------------------------------------------------------------------------------


def made_exposure(
    ledger: Ledger, keyring: Keyring, traced: Traced, texts: Sequence[MailText], finding_sha256: str, at: datetime
) -> ExposureList:
    """The exposure list of a finding; empty where nobody is suspected."""
    finding, whose = traced.finding, traced.whose
    customers = () if whose is None else exposed_customers(ledger, whose)
    keys = keyring.customer_keys([one.customer for one in customers])
    window = finding.log_coverage.window if whose is None else _whole(whose)
    mails: MailFields = fields_in_mails(texts)
    return exposure_list(
        Shown(
            campaign=finding.provenance.campaign,
            finding_sha256=finding_sha256,
            outcome=finding.outcome,
            field=finding.provenance.field,
            window=window,
            customers=customers,
            access_counts={} if whose is None else _access_counts(ledger, whose, [c.customer for c in customers], keys),
            residences=_residences(ledger, [c.customer for c in customers], keys),
            coverage=ledger.coverage(finding.provenance.field, window),
            mails=mails,
            evidence_customer_count=finding.evidence.customer_count,
            late_count=0 if whose is None else sum(_is_late(one, whose) for one in customers),
        ),
        at,
    )


def _is_late(customer: ExposedCustomer, whose: Whose) -> bool:
    return whose.window.end is not None and customer.first_shown_at >= whose.window.end


def _whole(whose: Whose) -> Window:
    return Window(whose.window.start, whose.last_mail_at)


def _access_counts(ledger: Ledger, whose: Whose, names: Sequence[str], keys: Keys) -> dict[str, int]:
    """Customer -> accesses of the principals to the record in the window, whatever they showed."""
    rows = ledger.accesses_of(list(whose.principals), _whole(whose))
    customers, counts = np.unique(rows.customer, return_counts=True)
    found = dict(zip(customers.tolist(), counts.tolist(), strict=True))
    return {name: int(found.get(key, 0)) for name, key in zip(names, keys.tolist(), strict=True)}


def _residences(ledger: Ledger, names: Sequence[str], keys: Keys) -> dict[str, Residence]:
    table = ledger.customers(keys)
    rows = zip(names, table.jurisdiction, table.locale, strict=True)
    return {name: Residence(jurisdiction or None, locale or None) for name, jurisdiction, locale in rows}


# --- the account is not the person ------------------------------------------------------------------------


def account_facts(
    ledger: Ledger, keyring: Keyring, principal: str, evidence: Evidence, settings: Settings
) -> tuple[HabitFact, ...]:
    """What the log says about one account's use: accesses to customers in evidence, in time, against all its others."""
    cutoffs = {item.customer: at for item in evidence.items if (at := item.received_at or item.reported_at) is not None}
    if not cutoffs:
        return ()
    last = max(cutoffs.values())
    key = keyring.principal_keys([principal])
    window = Window(last - timedelta(days=settings.exposure_window_days), last)
    rows = ledger.accesses_of([int(key[0])], window)
    facts = ledger.principals(key)[0] if len(rows.at) else None
    return habit_facts(
        AccountUse(
            at=rows.at,
            tool=tuple(rows.manners[code][0] for code in rows.manner.tolist()),
            in_evidence=_in_evidence(rows, keyring, cutoffs),
            kind=None if facts is None else facts.kind,
        )
    )


def _in_evidence(rows: AccessRows, keyring: Keyring, cutoffs: Mapping[str, datetime]) -> np.ndarray[Any, np.dtype[Any]]:
    names = sorted(cutoffs)
    until = dict(zip(keyring.customer_keys(names).tolist(), (cutoffs[name] for name in names), strict=True))
    pairs = zip(rows.customer.tolist(), rows.at.tolist(), strict=True)
    return np.array([key in until and instant_at(at) < until[key] for key, at in pairs], dtype=np.bool_)
