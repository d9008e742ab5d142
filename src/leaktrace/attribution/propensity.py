"""How often would this principal, innocent, have been shown a customer like this one? For principals looked at closely.

A principal's own other customers say what their customers are like; all the others in the pool say what customers are
like. The ratio of the two makes the odds, |A_e| / (N - |A_e|) on average, that an innocent principal had been shown a
customer with the same

- region, segment,
- contact intensity (how many *others* had been shown them), and
- company: how much the others who had been shown them are those who share customers with this principal. Colleagues of
  one queue meet in the same customers, whether or not any table says that there is a queue; a list that leans to a
  queue, or to a region that no table knows, must not make the people there look like its source.

Each attribute has one lean (a factor per class); the leans are fitted together, so that what two attributes say alike
counts once (iterative proportional fitting: Deming & Stephan, Ann. Math. Statist. 11, 1940). Every lean is shrunk to
what the others predict: zero overlap in a sample is not zero chance. The candidate is left out of intensity and
company, and each of the principal's own customers out of what its company is measured by: else everything would explain
itself away. The rates without company are the plain ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution.baserates import CEILING, Background
from leaktrace.attribution.pool import Pool
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import Flags, Group, Indices, Reals

if TYPE_CHECKING:
    # Loaded when the first is made: most commands never fit anything.
    from scipy.sparse import csc_array, csr_array

DOUBLE_SHARE = 0.6
"""Who had been shown this share of a principal's customers is no company to them, but a double."""
_DOUBLE_LIFT = 1.5
_SWEEPS = 3
_SHRINK = (3.0, 20.0, 12.0, 8.0)
"""Customers' worth of what the other attributes predict: region, segment, intensity, company."""
_LEAST_SHRINK = (0.0, 0.0, 1.0, 0.0)
"""And at least so many customers in every class. Few customers are very busy: that a principal was shown none of them
yet is no sign that it could not be."""
_LIFT_SHRINK = 1.5
_LOWEST_LIFT, _HIGHEST_LIFT = 0.1, 60.0
_MOST_LEAN = 1e5
_COMPANY_CLASSES = 7
_CUSTOMERS_PER_CLASS = 12

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Leans:
    """Factors on the odds by class of an attribute, `[principals, classes]` each."""

    region: Reals
    segment: Reals
    intensity: Reals
    company: Reals


@dataclass(frozen=True, slots=True)
class Propensity:
    """Fitted leans of some principals; the first axis of every array is their place in `principals`."""

    principals: Indices
    least: float
    """The lowest innocent rate, as a part of |A_e| / N."""
    place_of_region: Indices
    """Class of each region's code: those of the cases have their own, all others share one."""
    plain: Leans
    """Company left out: its factors are one."""
    full: Leans
    edges: Reals
    """Lower edges of the company classes but the first."""
    lifts: Singles
    """How much likelier each principal of the study is to have been shown one of this principal's customers than any
    customer, `[principals of the study, principals]`."""
    share: Singles
    """Share of this principal's customers that each principal of the study had been shown, likewise."""
    region_share: Reals
    """Of this principal's customers, `[principals, regions]`; sums to one."""
    closeness: Reals
    """How much this principal's customers are of one company: mean ln of the company's lean over them, in nats."""
    inside: Reals
    """Share of customers of this principal's company, as far as it shows, that the principal had been shown."""

    def rates(self, cases: Group, shown: Flags, marginal: Reals) -> tuple[Reals, Reals, Flags]:
        """Chance that each innocent principal had been shown each case, plain and with company, `[principals, cases]`;
        and whether the case is of the principal's company: like all but the least alike of the principal's customers.

        `cases`: the customers with the exposures that count; `shown`: which of `principals` had been shown whom;
        `marginal`: |A_e| / N at this cut.
        """
        others = cases.intensity()[None, :] - shown
        total = np.asarray(_openings(cases, len(self.lifts)) @ self.lifts).T
        company = (total - shown * _own(self.lifts, self.principals)[:, None] + 1.0) / (others + 1.0)
        place = np.zeros(company.shape, dtype=np.int64)
        for edge in self.edges.T:
            place += company >= edge[:, None]
        average = (marginal / (1.0 - marginal))[:, None]
        region, intensity = self.place_of_region[cases.region], intensity_class(others)

        def rate(leans: Leans) -> Reals:
            odds = average * leans.region.take(region, axis=1)
            odds *= leans.segment.take(cases.segment, axis=1)
            odds *= np.take_along_axis(leans.intensity, intensity, axis=1)
            odds *= np.take_along_axis(leans.company, place, axis=1)
            return np.clip(odds / (1.0 + odds), self.least * marginal[:, None], CEILING)

        return rate(self.plain), rate(self.full), place > 0


def _openings(group: Group, principals: int) -> csr_array:
    from scipy.sparse import csr_array

    ones = np.ones(len(group.pair_customer), dtype=np.float32)
    return csr_array((ones, (group.pair_customer, group.pair_principal)), shape=(group.size, principals))


def _own(lifts: Singles, principals: Indices) -> Singles:
    return np.asarray(lifts[principals, np.arange(len(principals))])


def fit(known: Background, pool: Pool, principals: Indices, case_regions: Indices) -> Propensity:
    """Fits these principals (sorted) to the pool; `case_regions`: codes of regions that need a class of their own."""
    from scipy.sparse import csc_array

    group, weight = pool.group, pool.weight
    openings = _openings(group, len(known.marginal))
    theirs = csc_array(openings[:, principals])
    lifts, share, scale = _lifts(known, openings, theirs, weight, principals)
    place = np.zeros(known.regions, dtype=np.int64)
    place[np.unique(case_regions)] = np.arange(1, len(np.unique(case_regions)) + 1)
    cells = _Cells.of(group, weight, place, known.segments)
    total = np.ascontiguousarray(np.asarray(openings @ lifts).T)
    ones = (cells.busy + 1).astype(np.float32)
    own_lift = _own(lifts, principals)
    tables = []
    for row in range(len(principals)):
        own = theirs.indices[theirs.indptr[row] : theirs.indptr[row + 1]].astype(np.int64)
        measured = (total[row] + 1.0) / ones
        # The principal is left out, and each customer of what its own company is measured by.
        spread = scale[row] / (scale[row] * known.marginal + _LIFT_SHRINK)
        itself = weight[own] / max(float(weight[own].sum()), 1e-12)
        less = own_lift[row] + itself * (openings[own] @ spread - spread[principals[row]])
        measured[own] = (total[row, own] - less + 1.0) / cells.busy[own]
        tables.append(_table(cells, own, measured))
    fitted = _fitted(known, cells, tables)
    return Propensity(
        principals=principals,
        least=known.least,
        place_of_region=place,
        plain=fitted.plain,
        full=fitted.full,
        edges=np.stack([one.edges for one in tables]),
        lifts=lifts,
        share=share,
        region_share=_region_shares(known, theirs, group, weight),
        closeness=fitted.closeness,
        inside=np.array([one.inside for one in tables]),
    )


def _lifts(
    known: Background, openings: csr_array, theirs: csc_array, weight: Reals, principals: Indices
) -> tuple[Singles, Singles, Reals]:
    """Lifts and shares of everybody among each one's customers, and how many customers each one's pool is worth."""
    from scipy.sparse import csr_array

    weighed = csr_array(
        (weight[theirs.indices].astype(np.float32), theirs.indices, theirs.indptr), shape=theirs.shape[::-1]
    )
    together = np.asarray((weighed @ openings).toarray()).T
    size, squared = (np.add.reduceat(weight[theirs.indices] ** power, theirs.indptr[:-1]) for power in (1, 2))
    scale = size**2 / squared
    share = together / size[None, :]
    marginal = known.marginal[:, None]
    lifts = np.clip((scale * share + _LIFT_SHRINK) / (scale * marginal + _LIFT_SHRINK), _LOWEST_LIFT, _HIGHEST_LIFT)
    # Who had been shown most of a principal's customers is a twin, not a company: a list that leans to what one person
    # was shown is no list that a sender comes by lawfully. Which of the two passed it on is for `rivals` to ask.
    doubles = (share >= DOUBLE_SHARE) & (share >= _DOUBLE_LIFT * marginal)
    doubles[principals, np.arange(len(principals))] = False
    return np.where(doubles, 1.0, lifts).astype(np.float32), share.astype(np.float32), scale


@dataclass(frozen=True, slots=True)
class _Cells:
    """The pool's customers by class of region, segment and intensity, everybody counted."""

    code: Indices
    """Class of region and segment in one number."""
    busy: Indices
    """How many principals had been shown each customer."""
    intensity: Indices
    """Class of that."""
    weight: Reals
    regions: int
    segments: int

    @staticmethod
    def of(group: Group, weight: Reals, place_of_region: Indices, segments: int) -> _Cells:
        busy = group.intensity()
        code = place_of_region[group.region] * segments + group.segment
        return _Cells(code, busy, intensity_class(busy), weight, int(place_of_region.max()) + 1, segments)

    @property
    def size(self) -> int:
        """How many cells there are, company included."""
        return self.regions * self.segments * CLASSES * _COMPANY_CLASSES

    def counts(self, own: Indices, company: NDArray[np.int8]) -> tuple[Reals, Reals]:
        """Weight by cell of a principal's own customers, themselves left out of the intensity, and of all others."""
        code = (self.code * CLASSES + self.intensity) * _COMPANY_CLASSES + company
        everybody = np.bincount(code, weights=self.weight, minlength=self.size)
        misplaced = np.bincount(code[own], weights=self.weight[own], minlength=self.size)
        less = intensity_class(self.busy[own] - 1)
        ours = (self.code[own] * CLASSES + less) * _COMPANY_CLASSES + company[own]
        found = np.bincount(ours, weights=self.weight[own], minlength=self.size)
        return found.astype(np.float64), np.maximum(everybody - misplaced, 0.0)

    def classes(self, cell: Indices) -> list[Indices]:
        """Class of each attribute of these cells: region, segment, intensity, company."""
        rest, company = np.divmod(cell, _COMPANY_CLASSES)
        rest, intensity = np.divmod(rest, CLASSES)
        region, segment = np.divmod(rest, self.segments)
        return [region, segment, intensity, company]


@dataclass(frozen=True, slots=True)
class _Table:
    """What there is to fit of one principal, by cell; cells without customers are left out."""

    ours: Reals
    """The principal's own customers, in customers that the sample is worth."""
    theirs: Reals
    """All others, as shares."""
    classes: list[Indices]
    """Class of each cell: region, segment, intensity, company."""
    worth: float
    edges: Reals
    inside: float


def _table(cells: _Cells, own: Indices, company: Singles) -> _Table:
    weight = cells.weight[own]
    edges = _edges(company[own], weight)
    place = np.zeros(len(company), dtype=np.int8)
    for edge in edges[np.isfinite(edges)]:
        place += company >= edge
    ours, theirs = cells.counts(own, place)
    kept = np.flatnonzero((ours > 0.0) | (theirs > 0.0))
    ours, theirs, classes = ours[kept], theirs[kept], cells.classes(kept)
    # Of the company is who looks like all but the least alike of the principal's own customers.
    inside = float(ours[classes[3] > 0].sum())
    everybody = inside + float(theirs[classes[3] > 0].sum())
    total, others = float(weight.sum()), max(float(theirs.sum()), 1e-12)
    if everybody <= 0.0:
        inside, everybody = total, total + others
    worth = total**2 / float((weight**2).sum())
    return _Table(ours * (worth / total), theirs / others, classes, worth, edges, min(inside / everybody, CEILING))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Leans of all principals, and how close their companies are."""

    plain: Leans
    full: Leans
    closeness: Reals


def _fitted(known: Background, cells: _Cells, tables: list[_Table]) -> _Fitted:
    joined = _Joined.of(cells, tables)
    tilt = known.tilt / max(float((known.class_share @ known.tilt) @ known.region_share), 1e-12)
    start = [np.ones((len(tables), size)) for size in joined.sizes]
    start[2] = np.tile(tilt, (len(tables), 1))
    plain = _proportional(joined, start, start, 3)
    full = _proportional(joined, start, plain, 4)
    spread = joined.by_class(joined.ours, 3)
    closeness = (spread / spread.sum(axis=1, keepdims=True) * np.log(full[3])).sum(axis=1)
    return _Fitted(Leans(*plain), Leans(*full), np.maximum(closeness, 0.0))


@dataclass(frozen=True, slots=True)
class _Joined:
    """The tables of all principals behind each other: fitted together they cost a few large steps, not many small."""

    ours: Reals
    theirs: Reals
    at: list[Indices]
    """Place of each cell's class among the classes of all principals, for each attribute."""
    sizes: list[int]
    """Classes of each attribute."""
    worth: Reals
    """`[principals, 1]`."""

    @staticmethod
    def of(cells: _Cells, tables: list[_Table]) -> _Joined:
        sizes = [cells.regions, cells.segments, CLASSES, _COMPANY_CLASSES]
        row = np.repeat(np.arange(len(tables)), [len(one.ours) for one in tables])
        at = [row * size + np.concatenate([one.classes[which] for one in tables]) for which, size in enumerate(sizes)]
        ours, theirs = (np.concatenate([getattr(one, part) for one in tables]) for part in ("ours", "theirs"))
        return _Joined(ours, theirs, at, sizes, np.array([[one.worth] for one in tables]))

    def by_class(self, amounts: Reals, which: int) -> Reals:
        """Sums of the cells' amounts by class of one attribute, `[principals, classes]`."""
        shape = (len(self.worth), self.sizes[which])
        sums = np.bincount(self.at[which], weights=amounts, minlength=shape[0] * shape[1])
        return sums.reshape(shape).astype(np.float64)


def _edges(company: Singles, weight: Reals) -> Reals:
    """Edges that part the principal's own customers evenly; fewer classes where there are few customers."""
    wanted = int(np.clip(len(company) // _CUSTOMERS_PER_CLASS, 1, _COMPANY_CLASSES))
    edges = np.full(_COMPANY_CLASSES - 1, np.inf)
    if wanted > 1:
        order = np.argsort(company, kind="stable")
        reached = np.cumsum(weight[order]) / weight.sum()
        cuts = np.unique(company[order][np.searchsorted(reached, np.arange(1, wanted) / wanted)])
        edges[: len(cuts)] = cuts
    return edges


def _proportional(joined: _Joined, prior: list[Reals], start: list[Reals], attributes: int) -> list[Reals]:
    """Leans that make everybody's customers look like the principals' own in the first so many attributes.

    `prior`: each attribute's leans before any evidence, which they are shrunk to; `start`: where to begin.
    """
    leans = [lean.copy() for lean in start]
    density = joined.theirs.copy()
    for lean, place in zip(leans, joined.at, strict=True):
        density *= lean.ravel()[place]
    free = [which for which in range(attributes) if joined.sizes[which] > 1]
    seen = {which: joined.by_class(joined.ours, which) for which in free}
    for _ in range(_SWEEPS):
        for which in free:
            # What all other attributes predict: this one as before any evidence.
            expected = joined.by_class(density, which) / leans[which] * prior[which]
            share = np.maximum(expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-300), 1e-9)
            shrink = np.maximum(_SHRINK[which] * share, _LEAST_SHRINK[which])
            lean = prior[which] * (seen[which] + shrink) / (joined.worth * share + shrink)
            # The density goes on summing to one; where nearly everybody had been shown to the principal, nobody is left
            # to compare with.
            lean /= np.maximum((expected / prior[which] * lean).sum(axis=1, keepdims=True), 1e-12)
            lean = np.clip(lean, 1.0 / _MOST_LEAN, _MOST_LEAN)
            density *= (lean / leans[which]).ravel()[joined.at[which]]
            leans[which] = lean
    return leans


def _region_shares(known: Background, theirs: csc_array, group: Group, weight: Reals) -> Reals:
    column = np.repeat(np.arange(theirs.shape[1]), np.diff(theirs.indptr))
    cell = column * known.regions + group.region[theirs.indices]
    counts = np.bincount(cell, weights=weight[theirs.indices], minlength=theirs.shape[1] * known.regions)
    counts = counts.reshape(theirs.shape[1], known.regions)
    worth = np.minimum(np.diff(theirs.indptr), counts.sum(axis=1))[:, None]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((worth * share + _SHRINK[0] * known.region_share) / (worth + _SHRINK[0]))
