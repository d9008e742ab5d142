"""What campaigns are planted into: looked up once for all of them, whoever complains in which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.planting import Market, openings_needed
from leaktrace.attribution.study import Indices
from leaktrace.calibration.moment import Moment
from leaktrace.calibration.plan import Plan
from leaktrace.calibration.sampledprincipals import SampledPrincipals
from leaktrace.calibration.tasks import Task
from leaktrace.errors import UsageError
from leaktrace.instants import instant_at, microseconds
from leaktrace.ledger import Ledger
from leaktrace.records import Keys, PrincipalFacts
from leaktrace.settings import Settings
from leaktrace.tracing.inquiry import lookup_of
from leaktrace.tracing.spelling import one_spelling

_NO_KEYS: Keys = np.array([], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Assembled:
    """A market, and how to ask the ledger about it."""

    market: Market
    keys: Keys
    """Of the market's customers, sorted."""
    sampled: SampledPrincipals


@dataclass(frozen=True, slots=True)
class Opened:
    """Who opened how much in the window, principals by name."""

    principals: tuple[PrincipalFacts, ...]
    opened_count: Indices
    """Per principal, distinct customers."""
    customer_count: int
    contacts_count: int
    """Rows in the contacts table."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Customers drawn as `trace` draws controls."""

    uniform: Keys
    alike: Keys
    by_region: Keys


@dataclass(frozen=True, slots=True)
class MarketLookup:
    """Looks up what planted campaigns need."""

    ledger: Ledger
    settings: Settings
    plan: Plan
    moment: Moment

    def opened(self) -> Opened:
        """UsageError where nobody was shown the field before the first mail."""
        field = self.plan.field
        totals = self.ledger.totals(field, self.moment.question(field).counted)
        if not totals.opened_count.sum():
            raise UsageError(
                f"No access before {self.moment.mail_at:%Y-%m-%d} shows the field '{field}' of a customer.",
                "Ingest an access log that does, or say another --field. Is the last access dated in the future?",
            )
        facts = self.ledger.principals(totals.principal)
        order = np.array(sorted(range(len(facts)), key=lambda index: facts[index].name), dtype=np.int64)
        principals = one_spelling([facts[index] for index in order])
        return Opened(principals, totals.opened_count[order], totals.customer_count, totals.contacts_count)

    def assembled(self, known: Opened, tasks: Sequence[Task], reporters: Keys) -> Assembled:
        """Everything that is looked up once: customers who may complain or be compared with, what sources opened."""
        drawn, openings = self._drawn(), self._openings(known.principals, tasks)
        keys = np.unique(np.concatenate([drawn.alike, drawn.by_region, reporters, *openings.values()]))
        keys = keys.astype(np.uint64)
        mail_at = self.moment.mail_times(len(keys), self.plan.seed)
        instants = [instant_at(int(at)) for at in mail_at]
        table = self.ledger.customers(keys)
        lookup = lookup_of(self.ledger, self.moment.question(self.plan.field), known.principals, table)
        people = lookup.group(keys, instants)
        until = self.moment.mail_at + self.moment.spread
        market = Market(
            principals=known.principals,
            opened_count=known.opened_count,
            customer_count=known.customer_count,
            start_at=microseconds(self.moment.mail_at),
            people=people,
            mail_at=mail_at,
            known_elsewhere=np.isin(keys, self.ledger.known_elsewhere(keys, self.plan.field, until)),
            uniform=np.isin(keys, drawn.uniform),
            alike=np.isin(keys, drawn.alike),
            by_region=np.isin(keys, drawn.by_region) & ~np.isin(keys, drawn.alike),
            elsewhere=np.isin(keys, reporters),
            openings={index: np.searchsorted(keys, found).astype(np.int64) for index, found in openings.items()},
            channels=lookup.channels(_NO_KEYS, [], keys, instants, table, ((keys, people),)),
            near_count=self.settings.control_count // 4,
            region_known=lookup.region_known,
            counted_until=microseconds(lookup.question.counted_until),
        )
        principal_keys = tuple(one.key for one in known.principals)
        return Assembled(market, keys, SampledPrincipals(self.ledger, lookup, principal_keys, self.settings))

    def _drawn(self) -> _Drawn:
        count, seed = self.settings.control_count, self.settings.control_seed
        uniform = self.ledger.draw_controls(count // 2, seed=seed, near=_NO_KEYS, exclude=_NO_KEYS)
        if len(uniform) == 0:
            raise UsageError("There are no customers in this workspace.", "Ingest accesses or customers first.")
        more = self.ledger.draw_controls(count // 4, seed=seed + 1, near=_NO_KEYS, exclude=_NO_KEYS)
        alike = np.union1d(uniform, more)
        by_region = self.ledger.draw_controls(count, seed=seed + 1, near=self._one_a_region(alike), exclude=_NO_KEYS)
        return _Drawn(uniform, alike, by_region)

    def _one_a_region(self, keys: Keys) -> Keys:
        """One customer of each region (else jurisdiction), so that a draw near them takes as many from each."""
        table = self.ledger.customers(keys)
        places = table.region if any(table.region) else table.jurisdiction
        first = {place: key for place, key in zip(reversed(places), reversed(keys.tolist()), strict=True) if place}
        return np.array(sorted(first.values()), dtype=np.uint64)

    def _openings(self, principals: Sequence[PrincipalFacts], tasks: Iterable[Task]) -> dict[int, Keys]:
        """What each source had been shown: a draw that is not the one `trace` compares with, but for chance."""
        needed: dict[int, int] = {}
        for task in tasks:
            for source in task.sources.tolist():
                needed[source] = max(needed.get(source, 0), openings_needed(task.size))
        found: dict[int, Keys] = {}
        for limit in sorted(set(needed.values())):
            some = [index for index, wanted in needed.items() if wanted == limit]
            keys = np.array([principals[index].key for index in some], dtype=np.uint64)
            opened = self.ledger.opened_by(
                keys.tolist(),
                self.plan.field,
                self.moment.window,
                limit=limit,
                seed=self.settings.control_seed + 1_000_003 + self.plan.seed,
            )
            found |= {
                index: np.sort(opened.customer[opened.principal == key]) for index, key in zip(some, keys, strict=True)
            }
        return found
