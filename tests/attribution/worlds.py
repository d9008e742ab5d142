"""A small marketplace for tests: one region each for the reports and elsewhere, exact exposures, no chance needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaktrace.attribution import (
    Case,
    Circumstances,
    Group,
    Judgement,
    Samples,
    Study,
    judge,
    look_closely,
    look_first,
)
from leaktrace.records import Grade, PrincipalFacts

DAY = 86_400_000_000
MAIL_AT = 400 * DAY
AROUND = Circumstances(
    naming_threshold=0.99,
    nobody_threshold=0.8,
    set_mass=0.95,
    log_has_accesses=True,
    log_allows_nobody=True,
    margin_days=14,
)


@dataclass
class Market:
    """Customers 0..size-1; who opened whom and when."""

    size: int
    names: list[str]
    teams: dict[str, str] = field(default_factory=dict)
    region: dict[int, int] = field(default_factory=dict)
    opened: dict[tuple[int, str], int] = field(default_factory=dict)
    """(customer, principal) -> first time."""
    contact: set[int] = field(default_factory=set)
    reported: set[int] = field(default_factory=set)
    """Customers of the last study made; they are never sampled."""

    def show(self, principal: str, customers: Iterable[int], at: int | None = None) -> None:
        """At this moment; without one, on days that are spread over half a year, as ordinary work is."""
        for customer in customers:
            key = (int(customer), principal)
            when = MAIL_AT - (100 + int(customer) * 61 % 180) * DAY if at is None else at
            self.opened[key] = min(when, self.opened.get(key, when))

    def group(self, customers: Sequence[int], before: int | None = None) -> Group:
        place = {customer: index for index, customer in enumerate(customers)}
        pairs = sorted(
            (place[customer], self.names.index(principal), at)
            for (customer, principal), at in self.opened.items()
            if customer in place and (before is None or at < before)
        )
        columns = np.array(pairs, dtype=np.int64).reshape(len(pairs), 3).T
        return Group(
            region=np.array([self.region.get(c, 1) for c in customers], dtype=np.int64),
            segment=np.zeros(len(customers), dtype=np.int64),
            contact=np.array([c in self.contact for c in customers], dtype=np.bool_),
            pair_customer=columns[0],
            pair_principal=columns[1],
            pair_at=columns[2],
        )


def background_market(seed: int = 1, *, size: int = 3000, people: int = 40, each: int = 120) -> Market:
    """Forty people who each opened about 120 of 3,000 customers at random, in teams of five."""
    rng = np.random.default_rng(seed)
    names = [f"p{index:02d}" for index in range(people)]
    market = Market(size, names, {name: f"t{index // 5}" for index, name in enumerate(names)})
    for name in names:
        taken = rng.choice(size, int(rng.integers(each // 2, each * 2)), replace=False)
        for customer in taken:
            market.show(name, [customer], int(MAIL_AT - rng.integers(20 * DAY, 300 * DAY)))
    return market


def case(number: int, **changes: object) -> Case:
    values: dict[str, object] = {
        "label": f"report {number}",
        "kind": "report",
        "grade": "G2",
        "mailed": True,
        "sure_at": MAIL_AT,
        "late_at": MAIL_AT,
        "reporter": f"r{number}",
    }
    return Case(**(values | changes))  # type: ignore[arg-type]


def study_of(
    market: Market,
    reports: Sequence[int],
    *,
    grade: Grade = "G2",
    changes: Mapping[int, Mapping[str, object]] | None = None,
    contacts_known: bool = True,
    region_known: bool = False,
) -> Study:
    """The study of these customers' reports; every other customer is a control."""
    market.reported = set(reports)
    controls = [customer for customer in range(market.size) if customer not in market.reported]
    before = {key: at for key, at in market.opened.items() if at < MAIL_AT}
    counts = [sum(1 for _, who in before if who == name) for name in market.names]
    cases = tuple(
        case(number, **({"grade": grade} | dict((changes or {}).get(number - 1, {}))))
        for number in range(1, len(reports) + 1)
    )
    return Study(
        principals=tuple(
            PrincipalFacts(index, name, team=market.teams.get(name), in_table=True)
            for index, name in enumerate(market.names)
        ),
        opened_count=np.array(counts, dtype=np.int64),
        customer_count=market.size,
        cases=cases,
        case_group=market.group(reports),
        controls=market.group(controls, MAIL_AT),
        uniform_control=np.ones(len(controls), dtype=np.bool_),
        elsewhere_control=np.zeros(len(controls), dtype=np.bool_),
        start_at=MAIL_AT,
        seller_known=True,
        contacts_known=contacts_known,
        region_known=region_known,
    )


def samples_of(market: Market, principals: Iterable[int]) -> Samples:
    """Everything each principal opened before the mail, but for the customers in evidence."""
    draws = [
        (index, customer, at)
        for index in sorted(principals)
        for (customer, who), at in sorted(market.opened.items())
        if who == market.names[index] and at < MAIL_AT and customer not in market.reported
    ]
    if not draws:
        return Samples.none()
    present = sorted({index for index, _, _ in draws})
    customers = sorted({customer for _, customer, _ in draws})
    return Samples(
        principals=np.array(present, dtype=np.int64),
        group=market.group(customers, MAIL_AT),
        fresh=np.zeros(len(customers), dtype=np.bool_),
        draw_row=np.array([present.index(index) for index, _, _ in draws], dtype=np.int64),
        draw_customer=np.array([customers.index(customer) for _, customer, _ in draws], dtype=np.int64),
        draw_at=np.array([at for _, _, at in draws], dtype=np.int64),
    )


def judged(market: Market, study: Study, around: Circumstances = AROUND) -> Judgement:
    """The whole way through the room."""
    first = look_first(study, around.margin_days)
    look = look_closely(first, samples_of(market, first.shortlist.tolist()))
    return judge(look, around, insider_prior=0.5)


def opened_by(market: Market, name: str, count: int, seed: int = 0) -> list[int]:
    """Some of the customers a principal opened."""
    own = sorted(c for c, who in market.opened if who == name)
    return sorted(int(c) for c in np.random.default_rng(seed).choice(own, count, replace=False))


def unopened(market: Market, count: int, seed: int = 0) -> list[int]:
    """Customers drawn from all alike."""
    return sorted(int(c) for c in np.random.default_rng(seed).choice(market.size, count, replace=False))
