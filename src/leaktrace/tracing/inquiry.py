"""From evidence to a study: what a finding asks of the ledger, in one pass.

Reads nothing but the `Ledger` interface; whichever engine is behind it, the same evidence gives the same study.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution import Case, Channels, Group, Samples, Study
from leaktrace.errors import LedgerError
from leaktrace.instants import instant_at, microseconds
from leaktrace.intake.evidence import merged_items
from leaktrace.keys import Keyring
from leaktrace.ledger import Ledger
from leaktrace.records import (
    ChannelUses,
    CustomerTable,
    Evidence,
    Keys,
    PrincipalFacts,
    PrincipalKey,
)
from leaktrace.settings import Settings
from leaktrace.tracing.customercolumns import Place, customer_columns, place_of, places_in
from leaktrace.tracing.question import Question, cases_of, question_of
from leaktrace.tracing.spelling import codes_of, one_spelling
from leaktrace.tracing.timecolumns import time_columns

MOST_SELLERS = 0.5
"""Where so many of the other sellers in the table have contacts, one without any is no seller without customers."""
STRANGERS_SHARE = 0.5
"""Of the customers with contacts; where so many are in no other table, ids are written otherwise there, or they are of
another marketplace: where the customers table has all who were opened."""
STRANGERS_SHARE_OF_THE_OPENED = 0.98
"""The same where only those who were opened are known."""
_TABLE_SHARE = 0.99
"""Of the opened; a customers table that has so many is taken for complete."""
_LEAST_DEALT = 30
"""Customers drawn with contacts; of fewer nothing follows."""
_LEAST_KNOWN_SHARE = 0.2
"""Of all drawn. Where the other tables hold fewer, they may hold few of all customers."""
SAMPLE_CUSTOMERS = 600
"""Customers drawn of each principal that is looked at closely."""
_NO_KEYS: Keys = np.array([], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Lookup:
    """How customers of this question are turned into a group of the study."""

    ledger: Ledger
    question: Question
    index_of: dict[PrincipalKey, int]
    regions: dict[str, int]
    segments: dict[str, int]
    place: Place
    """What tells where customers live."""

    @property
    def region_known(self) -> bool:
        """Whether a table tells regions or jurisdictions. Languages stand in for them in what customers are compared
        with; but within one language there are places that nobody tells, so the rest is as without.
        """
        return bool(self.regions) and self.place != "language"

    def group(self, keys: Keys, ends: Sequence[datetime]) -> Group:
        """These customers with who had been shown their field before each one's end."""
        shown = self.ledger.exposures(
            {int(key): end for key, end in zip(keys, ends, strict=True)},
            self.question.field,
            self.question.window_days,
        )
        order = np.argsort(keys, kind="stable")
        place = order[np.searchsorted(keys[order], shown.customer)] if len(keys) else np.zeros(0, dtype=np.int64)
        principal = _positions(shown.principal, self.index_of)
        kept = principal >= 0
        table = self.ledger.customers(keys)
        places = places_in(table, self.place)
        return Group(
            region=np.array([self.regions.get(name, 0) for name in places], dtype=np.int64),
            segment=np.array([self.segments.get(name, 0) for name in table.segment], dtype=np.int64),
            contact=self._contact(keys),
            pair_customer=place[kept].astype(np.int64),
            pair_principal=principal[kept],
            pair_at=shown.first_shown_at[kept],
        )

    def channels(
        self,
        cases: Keys,
        case_ends: Sequence[datetime],
        controls: Keys,
        ends: Sequence[datetime],
        table: CustomerTable,
        groups: Sequence[tuple[Keys, Group]],
    ) -> Channels:
        """By which tools and types of ticket the cases and controls had been shown before each one's end; with which
        other sellers, and over which products, they had dealt before the first mail; of which language and country
        they are, by the table, in which the cases come first; and in which days they were opened, by their groups.
        """
        # Where anybody may come to be in evidence, as in a calibration, what holds for two of all of them is asked.
        evident = cases if len(cases) else controls
        cutoffs = {int(key): end for key, end in zip(controls, ends, strict=True)}
        cutoffs |= {int(key): end for key, end in zip(cases, case_ends, strict=True)}
        used = _together(
            self.ledger.channels(cutoffs, self.question.field, self.question.window_days),
            # A list of another seller's customers, or of a product's, is what whoever answers for them was shown.
            self.ledger.dealings(evident, controls, self.question.start_at, but=self.question.seller),
            # So is a list of a language's customers, for whoever answers in it.
            customer_columns(table, len(evident)),
            # And a list of who came in some weeks, for whoever worked then.
            time_columns(
                np.concatenate([keys[group.pair_customer] for keys, group in groups]),
                np.concatenate([group.pair_principal for _, group in groups]),
                np.concatenate([group.pair_at for _, group in groups]),
                microseconds(self.question.start_at),
                cases,
                len(cases) + len(controls),
            ),
        )
        (case, case_row), (control, control_row) = (_rows_of(used.customer, keys) for keys in (cases, controls))
        return Channels(
            labels=used.labels,
            case_customer=case,
            case_channel=used.channel[case_row],
            case_at=used.first_shown_at[case_row],
            control_customer=control,
            control_channel=used.channel[control_row],
            control_at=used.first_shown_at[control_row],
        )

    def _contact(self, keys: Keys) -> NDArray[np.bool_]:
        if self.question.seller is None or len(keys) == 0:
            return np.zeros(len(keys), dtype=np.bool_)
        known = self.ledger.contacts(np.sort(keys), self.question.seller, self.question.start_at)
        return np.isin(keys, known)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A study with the keys that its indices stand for."""

    study: Study
    question: Question
    lookup: Lookup
    case_keys: Keys
    control_keys: Keys
    principal_keys: tuple[PrincipalKey, ...]


def open_inquiry(
    ledger: Ledger, keyring: Keyring, evidence: Evidence, field: str, settings: Settings, *, reporters: Keys = _NO_KEYS
) -> Inquiry:
    """Looks everything up that a finding needs. `reporters`: customers who reported other campaigns, if any."""
    keys = keyring.customer_keys(item.customer for item in merged_items(evidence.items))
    known = _known(ledger, keys, field, evidence, settings)
    question = question_of(evidence, field, settings, known)
    case_keys = keys[known]
    controls, uniform = _controls(ledger, case_keys, reporters, settings)
    totals = ledger.totals(field, question.counted)
    facts = ledger.principals(totals.principal)
    order = np.array(sorted(range(len(facts)), key=lambda index: facts[index].name), dtype=np.int64)
    principals = one_spelling([facts[index] for index in order])
    table = ledger.customers(np.concatenate([case_keys, controls]))
    lookup = lookup_of(ledger, question, principals, table)
    elsewhere = ledger.known_elsewhere(np.sort(case_keys), field, question.last_mail_at)
    cases = cases_of(question, settings, np.isin(case_keys, elsewhere))
    case_ends, ends = [instant_at(case.late_at) for case in cases], _spread_ends(cases, len(controls), question)
    case_group, control_group = lookup.group(case_keys, case_ends), lookup.group(controls, ends)
    dealt = bool(case_group.contact.any() or control_group.contact.any())
    alike = np.isin(controls, uniform)
    opened = np.bincount(control_group.pair_customer, minlength=len(controls)) > 0
    study = Study(
        principals=principals,
        opened_count=totals.opened_count[order],
        customer_count=max(totals.customer_count, 1),
        cases=cases,
        case_group=case_group,
        controls=control_group,
        uniform_control=alike,
        elsewhere_control=np.isin(controls, reporters),
        start_at=microseconds(question.start_at),
        counted_until=microseconds(question.counted_until),
        seller_known=question.seller is not None,
        contacts_known=totals.contacts_count > 0
        and _contacts_known(ledger, question.start_at, uniform, table.in_table[len(case_keys) :][alike], opened[alike]),
        seller_dealt=dealt or _has_dealt(ledger, question, settings),
        region_known=lookup.region_known,
        channels=lookup.channels(
            case_keys, case_ends, controls, ends, table, ((case_keys, case_group), (controls, control_group))
        ),
    )
    return Inquiry(study, question, lookup, case_keys, controls, tuple(principal.key for principal in principals))


def _contacts_known(
    ledger: Ledger, before: datetime, drawn: Keys, in_table: NDArray[np.bool_], opened: NDArray[np.bool_]
) -> bool:
    """Whether the contacts tell of customers whom the other tables know: False where nobody has one before the mail, or
    too many who have one are strangers. `drawn`: from all alike, sorted; of each, whether the customers table has them,
    and whether anybody opened them.
    """
    dealt = np.isin(drawn, ledger.contacts(drawn, None, before))
    if not dealt.any():
        return bool(ledger.sellers_dealt_with(before))
    known = in_table | opened
    strangers = (dealt & ~known).sum() / dealt.sum()
    complete = in_table[opened].mean() >= _TABLE_SHARE if opened.any() else in_table.any()
    few = dealt.sum() < _LEAST_DEALT or known.mean() < _LEAST_KNOWN_SHARE
    return bool(few or strangers < (STRANGERS_SHARE if complete else STRANGERS_SHARE_OF_THE_OPENED))


def _has_dealt(ledger: Ledger, question: Question, settings: Settings) -> bool:
    """False where the contacts of just this seller are missing: asked of all contacts, for nobody drawn is a customer.

    A seller whom the sellers table has, as it has others, none or most of whom have contacts. Of one whom it does not
    have, and where many others lack them too, nothing follows.
    """
    seller = question.seller
    if seller is None or seller in settings.sellers_without_customers:
        return True
    listed = {known.seller for known in ledger.sellers()}
    others = listed - {seller}
    if seller not in listed or not others:
        return True
    dealt_with = ledger.sellers_dealt_with(question.start_at)
    others_dealt = len(others & dealt_with)
    return seller in dealt_with or 0 < others_dealt < MOST_SELLERS * len(others)


def lookup_of(ledger: Ledger, question: Question, principals: Sequence[PrincipalFacts], table: CustomerTable) -> Lookup:
    """How customers become groups: indices by the order of `principals`, codes by the attributes in `table`."""
    place = place_of(table)
    return Lookup(
        ledger=ledger,
        question=question,
        index_of={principal.key: index for index, principal in enumerate(principals)},
        regions=codes_of(places_in(table, place)),
        segments=codes_of(table.segment),
        place=place,
    )


def _spread_ends(cases: Sequence[Case], count: int, question: Question) -> list[datetime]:
    """Ends for the controls: those of the cases whose mail has a known time, in the same proportions."""
    ends = sorted(case.sure_at for case in cases if case.sure_at == case.late_at)
    ends = ends or [microseconds(question.start_at)]
    return [instant_at(ends[place * len(ends) // count]) for place in range(count)]


def samples_for(ledger: Ledger, inquiry: Inquiry, principals: Iterable[int], settings: Settings) -> Samples:
    """What each of these principals (indices of the study) opened, as it is counted, with who else was shown it."""
    wanted = sorted(principals)
    if not wanted:
        return Samples.none()
    keys = np.array([inquiry.principal_keys[index] for index in wanted], dtype=np.uint64)
    opened = ledger.opened_by(
        keys.tolist(),
        inquiry.question.field,
        inquiry.question.counted,
        limit=SAMPLE_CUSTOMERS,
        seed=settings.control_seed,
    )
    kept = ~np.isin(opened.customer, inquiry.case_keys)
    customer, principal, at = opened.customer[kept], opened.principal[kept], opened.first_shown_at[kept]
    customers = np.unique(customer)
    order = np.argsort(keys, kind="stable")
    row = order[np.searchsorted(keys[order], principal)]
    present = np.unique(row)
    return Samples(
        principals=np.array(wanted, dtype=np.int64)[present],
        group=inquiry.lookup.group(customers, [inquiry.question.counted_until] * len(customers)),
        fresh=~np.isin(customers, inquiry.control_keys),
        draw_row=np.searchsorted(present, row).astype(np.int64),
        draw_customer=np.searchsorted(customers, customer).astype(np.int64),
        draw_at=at,
    )


def _known(ledger: Ledger, keys: Keys, field: str, evidence: Evidence, settings: Settings) -> NDArray[np.bool_]:
    """Which customers in evidence the ledger knows: in the customers table, or seen in accesses to this field."""
    if len(keys) == 0:
        return np.zeros(0, dtype=np.bool_)
    table = ledger.customers(keys)
    if not table.in_table.any() and not _has_customers_table(ledger, settings):
        # Then an address that nobody opened is still an address.
        return np.ones(len(keys), dtype=np.bool_)
    latest = question_of(evidence, field, settings).last_mail_at
    strangers = {int(key): latest for key in keys[~table.in_table]}
    seen = ledger.exposures(strangers, field, settings.exposure_window_days).customer
    return np.asarray(table.in_table | np.isin(keys, seen))


def strangers(ledger: Ledger, keyring: Keyring, customers: Iterable[str]) -> list[str]:
    """Those of these customers (ids as ingested) whom no table of the ledger has, each once."""
    found = []
    for customer in dict.fromkeys(customers):
        try:
            ledger.customer_names(keyring.customer_keys([customer]))
        except LedgerError:
            found.append(customer)
    return found


def _has_customers_table(ledger: Ledger, settings: Settings) -> bool:
    drawn = ledger.draw_controls(100, seed=settings.control_seed, near=_NO_KEYS, exclude=_NO_KEYS)
    return bool(ledger.customers(drawn).in_table.any())


def _controls(ledger: Ledger, cases: Keys, reporters: Keys, settings: Settings) -> tuple[Keys, Keys]:
    """(All controls sorted, those of them drawn from all customers alike)."""
    half = settings.control_count // 2
    uniform = ledger.draw_controls(half, seed=settings.control_seed, near=_NO_KEYS, exclude=cases)
    near = ledger.draw_controls(half, seed=settings.control_seed + 1, near=cases, exclude=cases)
    others = np.setdiff1d(reporters, cases)
    return np.unique(np.concatenate([uniform, near, others])).astype(np.uint64), uniform


def _together(*uses: ChannelUses) -> ChannelUses:
    before = np.cumsum([0, *(len(one.labels) for one in uses)]).tolist()
    return ChannelUses(
        tuple(label for one in uses for label in one.labels),
        np.concatenate([one.customer for one in uses]),
        np.concatenate([one.channel + first for one, first in zip(uses, before[:-1], strict=True)]),
        np.concatenate([one.first_shown_at for one in uses]),
    )


def _rows_of(customers: Keys, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(Place among the keys, row) of those rows whose customer is among the keys."""
    order = np.argsort(keys, kind="stable")
    rows = np.flatnonzero(np.isin(customers, keys))
    place = order[np.searchsorted(keys[order], customers[rows])] if len(keys) else rows
    return place.astype(np.int64), rows


def _positions(principals: Keys, index_of: dict[PrincipalKey, int]) -> NDArray[np.int64]:
    """Index of each principal; -1 for one who was first shown the field after it was counted."""
    unique, inverse = np.unique(principals, return_inverse=True)
    position = np.array([index_of.get(int(key), -1) for key in unique], dtype=np.int64)
    return position[inverse] if len(unique) else np.zeros(0, dtype=np.int64)
