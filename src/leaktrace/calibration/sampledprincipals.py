"""Samples of what principals opened, looked up once for many planted campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from leaktrace.attribution import Group, Samples
from leaktrace.attribution.study import Indices
from leaktrace.ledger import Ledger
from leaktrace.records import Instants, Keys
from leaktrace.settings import Settings
from leaktrace.tracing.inquiry import SAMPLE_CUSTOMERS, Lookup

_MOST_SAMPLED = 400
"""So many principals' samples are kept in memory; then they are looked up anew."""
_NO_KEYS: Keys = np.array([], dtype=np.uint64)


@dataclass(slots=True)
class SampledPrincipals:
    """What principals opened, as it is counted: as `samples_for` draws it, looked up once for many campaigns."""

    ledger: Ledger
    lookup: Lookup
    principal_keys: tuple[int, ...]
    settings: Settings
    known: set[int] = field(default_factory=set)
    customers: Keys = field(default_factory=lambda: _NO_KEYS)
    group: Group = field(default_factory=lambda: Samples.none().group)
    draw_principal: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    draw_customer: Keys = field(default_factory=lambda: _NO_KEYS)
    draw_at: Instants = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def look_up(self, principals: set[int]) -> None:
        """Makes sure that these principals' samples are here."""
        missing = principals - self.known
        if len(self.known) + len(missing) > _MOST_SAMPLED:
            missing, self.known = set(principals), set()
            self.draw_principal, self.draw_at = self.draw_principal[:0], self.draw_at[:0]
            self.draw_customer = _NO_KEYS
        if not missing:
            return
        keys = np.array([self.principal_keys[index] for index in sorted(missing)], dtype=np.uint64)
        question = self.lookup.question
        opened = self.ledger.opened_by(
            keys.tolist(),
            question.field,
            question.counted,
            limit=SAMPLE_CUSTOMERS,
            seed=self.settings.control_seed,
        )
        order = np.argsort(keys, kind="stable")
        who = np.array(sorted(missing), dtype=np.int64)[order][np.searchsorted(keys[order], opened.principal)]
        self.known |= missing
        self.draw_principal = np.concatenate([self.draw_principal, who])
        self.draw_customer = np.concatenate([self.draw_customer, opened.customer])
        self.draw_at = np.concatenate([self.draw_at, opened.first_shown_at])
        self.customers = np.unique(self.draw_customer)
        self.group = self.lookup.group(self.customers, [question.counted_until] * len(self.customers))

    def samples(self, principals: Sequence[int], *, in_evidence: Keys, controls: Keys) -> Samples:
        """The samples of these principals (sorted), with nothing of the customers in evidence."""
        wanted = np.array(principals, dtype=np.int64)
        kept = np.isin(self.draw_principal, wanted) & ~np.isin(self.draw_customer, in_evidence)
        who, customer, at = self.draw_principal[kept], self.draw_customer[kept], self.draw_at[kept]
        drawn = np.isin(self.customers, customer)
        customers = self.customers[drawn]
        present = np.unique(who)
        # As the ledger gives them: by customer, then by principal.
        order = np.lexsort((who, customer))
        return Samples(
            principals=present,
            group=self.group.only(drawn),
            fresh=~np.isin(customers, controls),
            draw_row=np.searchsorted(present, who[order]).astype(np.int64),
            draw_customer=np.searchsorted(customers, customer[order]).astype(np.int64),
            draw_at=at[order],
        )
