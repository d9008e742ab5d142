"""How many of the customers whom a source opened were mailed? Decoys have a known denominator; reports have none."""

from __future__ import annotations

from leaktrace.attribution.special import betaincinv
from leaktrace.records import MailedEstimate

_LOW, _HIGH = 0.025, 0.975


def mailed_estimate(opened: int, confirmed: int, asked: int, mailed: int) -> MailedEstimate:
    """Customers mailed, of those that the source had been shown.

    `asked`: decoys among them, and customers drawn at random among them who were called back; `mailed`: those of them
    who got the mail. A share r with a flat prior, Beta(1 + mailed, 1 + silent), times the number opened; its 95 %
    interval and its mean. With nobody asked only "at least as many as were confirmed" can be said, with no upper end:
    nobody knows how many customers keep silent.
    """
    if asked <= 0 or opened <= 0:
        return MailedEstimate(low=confirmed, mid=None, high=None)
    hits, silent = mailed + 1.0, asked - mailed + 1.0
    low = float(betaincinv(hits, silent, _LOW)) * opened
    high = float(betaincinv(hits, silent, _HIGH)) * opened
    middle = hits / (hits + silent) * opened
    return MailedEstimate(
        low=max(confirmed, round(low)), mid=max(confirmed, round(middle)), high=max(confirmed, round(high))
    )
