"""Customers of the seller whose contacts are missing: they may be mailed lawfully, and nothing marks them.

A contacts table of which a part is missing leaves cases that look like anybody, although the seller wrote to its own
customers: whoever serves these was shown the marked ones and the others alike. Where many more cases have a contact
with the seller than customers as busy have anyway, the others are taken for like these.
"""

from __future__ import annotations

import math

import numpy as np

from leaktrace.attribution.explanations import Posterior, Weighed
from leaktrace.attribution.likelihood import Columns, Credibility, Doubt, log_likelihood_ratio
from leaktrace.attribution.view import contact_share

LIKE_BUYERS_LOG_RATIO = math.log(20.0)
"""So much more must speak for a principal, taken alone, where the other cases may be the seller's customers too."""
_LEAST_EXCESS = 3.0
_SPREADS = 3.0
_SPREAD = 0.6
_LOWEST, _HIGHEST = 1e-6, 0.97


def may_be_buyers(late: Posterior, best: Weighed) -> bool:
    """Whether what a principal had been shown is about what they had been shown of the seller's own customers."""
    view = late.view
    known = view.cases.contact
    expected = float(contact_share(view.intensity, view.controls).sum())
    excess = float(known.sum()) - expected
    if excess < max(_LEAST_EXCESS, _SPREADS * math.sqrt(max(expected, 0.01))):
        return False
    share = float((best.shown[known].sum() + 0.5) / (known.sum() + 1.0))
    rate = np.maximum(best.rate, np.clip(share, _LOWEST, _HIGHEST))
    columns = Columns(best.shown[None, :], best.neutral[None, :], rate[None, :])
    cases = Credibility(view.belief, view.weight, view.other_path)
    ratio = log_likelihood_ratio(columns, cases, Doubt.alike(1, _SPREAD))
    return bool(ratio[0] < LIKE_BUYERS_LOG_RATIO)
