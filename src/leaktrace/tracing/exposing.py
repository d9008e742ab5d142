"""Whose data, which fields: the customers that the principals of a finding had been shown, one by one."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from leaktrace.instants import instant_at
from leaktrace.ledger import Ledger
from leaktrace.records import ExposedCustomer, ExposureStatus, Keys, PrincipalKey, Window, shown_cell

COLUMNS = ("customer", "status", "first_shown_at", "fields")


@dataclass(frozen=True, slots=True)
class Whose:
    """What a finding's exposure is counted over."""

    principals: tuple[PrincipalKey, ...]
    field: str
    window: Window
    """To the campaign's first mail."""
    last_mail_at: datetime
    confirmed: Keys
    """Customers in evidence who were mailed and had been shown in time; sorted."""
    decoys: Keys
    """In evidence as decoys: records of nobody, whose data is nobody's; sorted."""
    mailed_share: float | None
    """Of the customers shown, those that were mailed, by the estimate; null where nothing is known."""

    def people(self, customers: Keys) -> NDArray[np.bool_]:
        """Which of these customers are somebody: decoys in evidence are not."""
        return ~np.isin(customers, self.decoys)

    def status_of(self, customers: Keys) -> tuple[ExposureStatus, ...]:
        """Of these customers, in order."""
        confirmed = np.isin(customers, self.confirmed)
        rest: ExposureStatus = "likely" if self.mailed_share is not None and self.mailed_share > 0.5 else "possible"
        return tuple("confirmed" if one else rest for one in confirmed.tolist())


def exposed_customers(ledger: Ledger, whose: Whose) -> tuple[ExposedCustomer, ...]:
    """Every customer shown up to the campaign's last mail, confirmed ones first, then by id; decoys are left out.

    The finding counts up to its first mail, for what was opened since explains no mail before it; but while the mails
    went on, more may have been passed on.
    """
    keys = list(whose.principals)
    whole = Window(whose.window.start, whose.last_mail_at)
    opened = ledger.opened_by(keys, whose.field, whole)
    people = whose.people(opened.customer)
    customers, place = np.unique(opened.customer[people], return_inverse=True)
    first = np.full(len(customers), np.iinfo(np.int64).max)
    np.minimum.at(first, place, opened.first_shown_at[people])
    fields: list[list[str]] = [[] for _ in range(len(customers))]
    for name in sorted(ledger.fields_shown(keys, whole)):
        for index in _among(customers, ledger.opened_by(keys, name, whole).customer):
            fields[index].append(name)
    rows = zip(
        ledger.customer_names(customers), whose.status_of(customers), first.tolist(), fields, strict=True
    )  # fmt: skip
    found = [ExposedCustomer(name, status, instant_at(at), tuple(shown)) for name, status, at, shown in rows]
    return tuple(sorted(found, key=lambda one: (one.status != "confirmed", one.customer)))


def _among(customers: Keys, shown: Keys) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(customers, shown))


def exposure_table(customers: tuple[ExposedCustomer, ...]) -> str:
    """The customers as CSV, one a row; fields separated by semicolons.

    What a spreadsheet would compute has an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in customers:
        cells = (one.customer, one.status, one.first_shown_at.isoformat(), ";".join(one.fields))
        writer.writerow(map(shown_cell, cells))
    return out.getvalue()
