"""How often would an innocent principal have been shown such a customer anyway? (the null model, DESIGN 5)

For a principal e and a case in region r whom k *other* principals had been shown:

    p_e(r, k) = |A_e| / N  *  f_e(r) / f(r)  *  t_e(k) / Z_r

|A_e| is exact out of the ledger, f are shares of regions among e's customers and among all, t_e is how e's customers
lean towards busy ones, Z_r makes it average to one over the controls of the region. What a sample of e's customers or
the controls cannot say is shrunk: zero overlap in a sample is not zero chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.strata import (
    class_shares,
    intensity_class,
    pooled_tilt,
    share_of_regions,
)
from leaktrace.attribution.study import Flags, Group, Indices, Reals

CEILING = 0.97
"""No innocent rate is higher: somebody who was shown nearly everybody still tells a little."""
LEAST_OF_MARGINAL = 0.3
"""No innocent rate is lower than this part of the share of all customers that the principal had been shown, however
unlike the principal's own a customer is."""
LEAST_PLACES_UNKNOWN = 1.0
"""The same where no table says where customers live: then a list of one place may look unlike anybody's own."""
_REGION_SHRINK = 20.0


@dataclass(frozen=True, slots=True)
class Background:
    """What the controls say of everybody."""

    regions: int
    segments: int
    region_share: Reals
    """Among all customers, `[regions]`."""
    segment_share: Reals
    class_share: Reals
    """Of intensity classes within a region, `[regions, CLASSES]`."""
    tilt: Reals
    """Pooled over principals, `[CLASSES]`."""
    region_hits: Reals
    """Controls of a region that a principal had been shown, `[principals, regions]`."""
    region_controls: Reals
    """Controls of a region, `[regions]`."""
    marginal: Reals
    """|A_e| / N, `[principals]`."""

    least: float
    """The lowest innocent rate, as a part of |A_e| / N."""


def background(
    controls: Group,
    uniform: Flags,
    opened_count: Indices,
    customer_count: int,
    regions: int,
    segments: int,
    *,
    places_known: bool,
) -> Background:
    """Learns the background from the controls, all seen at one cut. `places_known`: regions are where customers live,
    not only what they speak.
    """
    principals = len(opened_count)
    everyone = controls.only(uniform) if uniform.any() else controls
    hits = np.bincount(
        controls.pair_principal * regions + controls.region[controls.pair_customer], minlength=principals * regions
    ).reshape(principals, regions)
    return Background(
        regions=regions,
        segments=segments,
        region_share=share_of_regions(everyone, regions),
        segment_share=_shares(everyone.segment, segments),
        class_share=class_shares(controls, regions),
        tilt=pooled_tilt(everyone, principals),
        region_hits=hits.astype(np.float64),
        region_controls=np.bincount(controls.region, minlength=regions).astype(np.float64),
        marginal=np.clip((opened_count + 0.5) / max(customer_count, 1), 1e-9, CEILING),
        least=LEAST_OF_MARGINAL if places_known else LEAST_PLACES_UNKNOWN,
    )


def _shares(codes: Indices, size: int) -> Reals:
    counts = np.bincount(codes, minlength=size).astype(np.float64)
    shares: Reals = (counts + 0.5) / (counts.sum() + 0.5 * size)
    return shares


def rates_from_controls(known: Background, principal: Indices, region: Indices, others: Indices) -> Reals:
    """p_e(r, k) for (principal, region, intensity without the principal), element by element, from controls alone."""
    hits = known.region_hits[principal, region]
    rate = (hits + _REGION_SHRINK * known.marginal[principal]) / (known.region_controls[region] + _REGION_SHRINK)
    lean = known.tilt / (known.class_share @ known.tilt)[:, None]
    found = rate * lean[region, intensity_class(others)]
    return np.clip(found, known.least * known.marginal[principal], CEILING)


def rates_by_region(known: Background, principals: Indices) -> Reals:
    """How often a customer of each region was shown to them, however busy, `[principals, regions]`."""
    marginal = known.marginal[principals, None]
    return np.asarray(
        (known.region_hits[principals] + _REGION_SHRINK * marginal) / (known.region_controls + _REGION_SHRINK)
    )


def rates_by_class(known: Background, principals: Indices) -> Reals:
    """The same of a customer whom so many others were shown, wherever, `[principals, CLASSES]`."""
    lean = known.tilt / float((known.class_share @ known.tilt) @ known.region_share)
    return np.asarray(np.clip(known.marginal[principals, None] * lean, 0.0, CEILING))


def region_shares_from_controls(known: Background, principal: int) -> Reals:
    """Shares of regions among a principal's customers, as the controls have it."""
    rate = (known.region_hits[principal] + known.marginal[principal]) / (known.region_controls + 1.0)
    weight = rate * known.region_share
    shares: Reals = weight / weight.sum()
    return shares
