"""What else one would reach for, written from the published formulas. None of them knows "nobody" but by a threshold.

With k complaining customers of whom principal e had been shown a_e, and |A_e| of N customers in all:

- `jlh`, `mutual_information`, `p_value`: the scores of Elasticsearch's significant terms (its reference, "Significant
  terms aggregation"), terms being principals, at least 3 hits (`min_doc_count`);
- `chi_square`: Pearson's test of the two-by-two table, Yates' correction, Bonferroni over principals;
- `hypergeometric`: the upper tail, Bonferroni over principals;
- `guilt_2011`: Papadimitriou & Garcia-Molina, TKDE 23(1), 2011, equation 7, with a chance of 0.2 to guess an address;
- `npmle`: mixture weights over principals by maximum likelihood (EM; Kim et al., JCGS 29, 2020 solve the same faster).

`named` is whom one would name by it: the best where the method only ranks, whoever passes 0.01 or 0.99 where it has a
threshold of its own, and whoever holds most of the mixture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2, hypergeom

from bench.campaigns import MAIL_AT, Planted, Reals
from bench.studies import exposure_rows
from bench.worlds import World

MIN_DOC_COUNT = 3
GUESS = 0.2
ALPHA = 0.01


@dataclass(frozen=True)
class Peer:
    """Scores of all principals, higher is worse for them, and whom one would name."""

    score: Reals
    named: tuple[int, ...]

    @property
    def top(self) -> int:
        """The highest."""
        return int(np.argmax(self.score))


@dataclass(frozen=True)
class Table:
    """The counts that all of these methods stand on."""

    hits: Reals
    opened: Reals
    cases: int
    customers: int
    shown: np.ndarray


def table_of(world: World, planted: Planted) -> Table:
    """Counts of one campaign."""
    shown = exposure_rows(world, planted)
    opened = world.opened_counts(MAIL_AT).astype(np.float64)
    return Table(shown.sum(axis=1).astype(np.float64), opened, len(planted.customers), world.customers, shown)


def _ranked(score: Reals) -> Peer:
    top = int(np.argmax(score))
    return Peer(score, (top,) if score[top] > 0.0 else ())


def jlh(table: Table) -> Peer:
    """Absolute change in popularity times relative change."""
    front, back = table.hits / table.cases, np.maximum(table.opened, 1.0) / table.customers
    score = np.where((front > back) & (table.hits >= MIN_DOC_COUNT), (front - back) * front / back, 0.0)
    return _ranked(score)


def mutual_information(table: Table) -> Peer:
    """Mutual information of "complained" and "shown to e"."""
    n11 = table.hits
    n10 = np.maximum(table.opened - table.hits, 0.0)
    n01 = table.cases - table.hits
    n00 = np.maximum(table.customers - n11 - n10 - n01, 0.0)
    total = table.customers
    score = np.zeros(len(n11))
    for both, row, column in (
        (n11, n11 + n10, n11 + n01),
        (n10, n11 + n10, n10 + n00),
        (n01, n01 + n00, n11 + n01),
        (n00, n01 + n00, n10 + n00),
    ):
        ratio = total * both / np.maximum(row * column, 1e-12)
        score += both / total * np.log2(np.maximum(ratio, 1e-300)) * (both > 0)
    more = n11 / table.cases > table.opened / total
    return _ranked(np.where(more & (n11 >= MIN_DOC_COUNT), score, 0.0))


def _tested(log_tail: Reals) -> Peer:
    """Named: whoever stays under ALPHA after Bonferroni."""
    bound = np.log(ALPHA) - np.log(len(log_tail))
    return Peer(-log_tail, tuple(np.flatnonzero(log_tail < bound).tolist()))


def p_value(table: Table) -> Peer:
    """Likelihood-ratio test that the rates in front and background are the same, one-sided."""

    def log_likelihood(hits: Reals, size: float, rate: Reals) -> Reals:
        rate = np.clip(rate, 1e-12, 1.0 - 1e-12)
        return hits * np.log(rate) + (size - hits) * np.log1p(-rate)

    rest, others = np.maximum(table.opened - table.hits, 0.0), float(table.customers - table.cases)
    front, back = table.hits / table.cases, rest / others
    pooled = (table.hits + rest) / table.customers
    free = log_likelihood(table.hits, table.cases, front) + log_likelihood(rest, others, back)
    same = log_likelihood(table.hits, table.cases, pooled) + log_likelihood(rest, others, pooled)
    tail = np.where(
        (front > back) & (table.hits >= MIN_DOC_COUNT), chi2.logsf(np.maximum(2 * (free - same), 0), 1), 0.0
    )
    return _tested(tail)


def chi_square(table: Table) -> Peer:
    """Pearson's test with Yates' correction."""
    expected = table.cases * np.maximum(table.opened, 1e-9) / table.customers
    more = table.hits > expected
    stray = np.maximum(np.abs(table.hits - expected) - 0.5, 0.0) ** 2
    rest = table.customers - table.cases
    statistic = stray * (
        1 / expected
        + 1 / np.maximum(table.cases - expected, 1e-9)
        + 1 / np.maximum(table.opened - expected, 1e-9)
        + 1 / np.maximum(rest - (table.opened - expected), 1e-9)
    )
    return _tested(np.where(more, chi2.logsf(statistic, 1), 0.0))


def hypergeometric(table: Table) -> Peer:
    """Upper tail of the hits."""
    tail = hypergeom.logsf(table.hits - 1, table.customers, table.opened, table.cases)
    return _tested(np.where(np.isfinite(tail), tail, -700.0 - gammaln(table.hits + 1)))


def guilt_2011(table: Table) -> Peer:
    """1 - prod over the leaked customers that e was shown of (1 - (1 - p) / how many were shown them)."""
    holders = np.maximum(table.shown.sum(axis=0), 1)
    innocent = np.where(table.shown, np.log1p(-(1.0 - GUESS) / holders)[None, :], 0.0).sum(axis=1)
    score = -np.expm1(innocent)
    return Peer(score, tuple(np.flatnonzero(score >= 1.0 - ALPHA).tolist()))


def npmle(table: Table) -> Peer:
    """Weights that make the complaints likeliest, each a draw from somebody's customers."""
    chance = table.shown / np.maximum(table.opened, 1.0)[:, None]
    reached = chance[:, chance.sum(axis=0) > 0]
    weight = np.full(len(chance), 1.0 / len(chance))
    for _ in range(200):
        mixed = weight @ reached
        weight = weight * (reached / np.maximum(mixed, 1e-300)).sum(axis=1) / max(reached.shape[1], 1)
    return Peer(weight, tuple(np.flatnonzero(weight >= 0.5).tolist()))


PEERS: dict[str, Callable[[Table], Peer]] = {
    "significant terms, JLH": jlh,
    "significant terms, mutual information": mutual_information,
    "significant terms, p-value": p_value,
    "chi-square": chi_square,
    "hypergeometric": hypergeometric,
    "guilt model of 2011": guilt_2011,
    "plain NPMLE": npmle,
}
