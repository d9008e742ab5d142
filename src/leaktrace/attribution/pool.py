"""All customers looked up for comparison, each with what it stands for.

Controls are drawn from all customers alike, and some more from the cases' regions; samples are drawn from what single
principals opened. Together they are one pool: a customer who could have come in by several draws was the likelier to
come in, and stands for the fewer (Horvitz & Thompson, JASA 47, 1952). So the samples of colleagues tell about the
customers of a queue, of whom few are among the controls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.study import Group, Indices, Reals, Samples, Study


@dataclass(frozen=True, slots=True)
class Pool:
    """Customers with exposures, and how many customers each stands for."""

    group: Group
    weight: Reals


def pool_of(study: Study, samples: Samples) -> Pool:
    """The controls, and the sampled customers who are no controls.

    Controls who reported other campaigns are no fair draw and stay out, unless they were drawn fairly too.
    """
    kept = ~study.elsewhere_control | study.uniform_control
    group = joined(study.controls.only(kept), samples.group.only(samples.fresh))
    # Chance of each customer to be missed by every draw.
    missed = _missed_by_controls(study, kept, group.region)
    left_out = np.log1p(-np.minimum(samples.drawn / np.maximum(_sizes(study, samples), 1.0), 1.0 - 1e-9))
    place = np.full(len(study.principals), -1)
    place[samples.principals] = np.arange(len(samples.principals))
    row = place[group.pair_principal]
    seen = row >= 0
    missed += np.bincount(group.pair_customer[seen], weights=left_out[row[seen]], minlength=group.size)
    return Pool(group, 1.0 / np.maximum(-np.expm1(missed), 1e-12))


def joined(first: Group, second: Group) -> Group:
    """Both groups as one."""
    return Group(
        np.concatenate([first.region, second.region]),
        np.concatenate([first.segment, second.segment]),
        np.concatenate([first.contact, second.contact]),
        np.concatenate([first.pair_customer, second.pair_customer + first.size]),
        np.concatenate([first.pair_principal, second.pair_principal]),
        np.concatenate([first.pair_at, second.pair_at]),
    )


def _sizes(study: Study, samples: Samples) -> Reals:
    """Customers that could be drawn for each principal: those in evidence are left out of the draws."""
    group, until = study.case_group, study.start_at if study.counted_until is None else study.counted_until
    cases = np.bincount(group.pair_principal[group.pair_at < until], minlength=len(study.principals))
    return (study.opened_count - cases)[samples.principals].astype(np.float64)


def _missed_by_controls(study: Study, kept: np.ndarray, region: Indices) -> Reals:
    """Ln chance of customers of these regions to be missed by the draws of controls."""
    uniform, near = kept & study.uniform_control, kept & ~study.uniform_control
    regions = 1 + int(max(region.max(initial=0), study.controls.region.max(initial=0)))
    alike = min(float(uniform.sum()) / max(study.customer_count, 1), 1.0 - 1e-9)
    # How many customers a region has the uniform controls say.
    everywhere = np.bincount(study.controls.region[study.uniform_control], minlength=regions)
    size = (everywhere + 0.5) / (everywhere.sum() + 0.5 * regions) * study.customer_count
    drawn = np.bincount(study.controls.region[near], minlength=regions)
    close = np.minimum(drawn / np.maximum(size, drawn + 1.0), 1.0 - 1e-9)
    return np.asarray(np.log1p(-alike) + np.log1p(-close))[region]
