"""Customers of the seller whose contacts are missing: they may be mailed lawfully, and nothing marks them.

A contacts table of which a part is missing leaves cases that look like anybody, although the seller wrote to its own
customers: whoever serves these was shown the marked ones and the others alike. Where many more cases have a contact
with the seller than customers as busy have anyway, the others may be like these: one null more, at a price of its own.
"""

from __future__ import annotations

import math

import numpy as np

from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.view import View, contact_share

UNMARKED_BUYERS = 0.5
"""Chance that reports which nothing marks are the seller's customers as well, where far more than chance brings are."""
BUYERS_SPREAD = 0.6
"""How far the log-odds of being shown such a customer may be off: those who are marked are few."""
LEAST_MARKED = 1.0 / 3.0
"""Of all cases; where fewer are known to be the seller's customers, most of the contacts table would have to be missing
for the others to be customers too."""
LEAST_CUSTOMERS = 20
"""So many of the seller's customers among the controls tell how many of them a principal had been shown."""
_LEAST_EXCESS = 3.0
_SPREADS = 3.0
_LOWEST, _HIGHEST = 1e-6, 0.97


def may_hold_buyers(view: View) -> bool:
    """Whether a good part of the cases, and far more than chance brings, are known to be the seller's own customers."""
    known = float(view.cases.contact.sum())
    expected = float(contact_share(view.intensity, view.controls).sum())
    excess = known - expected
    return known >= LEAST_MARKED * view.size and excess >= max(_LEAST_EXCESS, _SPREADS * math.sqrt(max(expected, 0.01)))


def buyers_rate(view: View, principals: Indices, shown: Flags, rate: Reals) -> Reals:
    """Chance that each principal, innocent, had been shown each case, were it the seller's customer: as they had been
    shown those who are known to be, and no less than `rate`, that of any customer. `[principals, cases]`.

    `shown`: the cases that they had been shown. Those of them who are customers too may have come by a leak, so
    customers who reported nothing tell it, where there are enough.
    """
    controls, known = view.controls, view.cases.contact
    theirs = controls.contact[controls.pair_customer]
    hits = np.bincount(controls.pair_principal[theirs], minlength=len(view.study.principals))[principals]
    many = float(controls.contact.sum())
    if many < LEAST_CUSTOMERS:
        hits, many = hits + shown[:, known].sum(axis=1), many + float(known.sum())
    share = (hits + 0.5) / (many + 1.0)
    return np.asarray(np.maximum(rate, np.clip(share, _LOWEST, _HIGHEST)[:, None]))


def against_buyers(log_ratio: Reals, bought: Reals) -> Reals:
    """Ln likelihood ratio against nobody inside, where the reports that nothing marks may be the seller's customers'.

    `log_ratio`: where they are not; `bought`: where they are.
    """
    return np.asarray(-np.logaddexp(math.log1p(-UNMARKED_BUYERS) - log_ratio, math.log(UNMARKED_BUYERS) - bought))
