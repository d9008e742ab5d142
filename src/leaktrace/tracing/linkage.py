"""Two campaigns and whether they are one incident: what is asked of ledger and mail, what is told of the answer."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from leaktrace.attribution import (
    LINK_PRIOR,
    REPORTS_EVERYTHING,
    InBoth,
    Overlap,
    SellerClaim,
    Study,
    Suspicion,
    customers_term,
    linked,
    seller_term,
    sender_term,
    sources_term,
)
from leaktrace.errors import UsageError
from leaktrace.intake.campaignflow import CampaignTraces
from leaktrace.intake.evidence import evidence_content, evidence_digest
from leaktrace.ledger import Ledger
from leaktrace.records import Evidence, Keys, Link, LinkProvenance, LinkSide, LinkTerm
from leaktrace.tracing.onetrace import Tracer, Weighed
from leaktrace.tracing.priors import beliefs_of
from leaktrace.version import __version__

SCHEMA = "leaktrace.link/1"
_SHOWN_SHARE = 0.2
"""Share of a campaign's reporters whose mail must show a domain: a planted report ties it to nothing."""
_STANDS_ON_TOO_LITTLE = frozenset({"no_contacts", "no_match_for_controls"})
_REGION_DRAW = 4000
_LATE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Comparable:
    """One side of the question."""

    evidence: Evidence
    traces: CampaignTraces
    reporters: Keys
    """Customers who reported other campaigns: the best controls."""


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Both sides as their findings have them, and without what they share."""

    findings: tuple[Weighed, Weighed]
    apart: tuple[Weighed | None, Weighed | None]
    """None where nothing is left."""
    kept_apart_count: int
    earlier: Study
    """Of the campaign whose mail came first."""


@dataclass(frozen=True, slots=True)
class Linker:
    """Compares campaigns out of one ledger. `others`: all other campaigns of the workspace."""

    tracer: Tracer
    others: tuple[CampaignTraces, ...]

    @property
    def ledger(self) -> Ledger:
        """The ledger that is asked."""
        return self.tracer.ledger

    def link(self, a: Comparable, b: Comparable, field: str, *, pseudonyms: bool = False) -> Link:
        """Whether the two are one incident; UsageError where they are the same campaign."""
        same = bool(a.evidence.items) and evidence_content(a.evidence.items) == evidence_content(b.evidence.items)
        if same or a.evidence.campaign == b.evidence.campaign:
            raise UsageError(
                f"{a.evidence.campaign} and {b.evidence.campaign} are the same campaign.",
                "Name two that differ: 'leaktrace campaigns' lists them.",
            )
        weighed = self._weighed(a, b, field, pseudonyms=pseudonyms)
        answer = linked(
            self._sources(weighed),
            self._seller(a, b),
            self._sender(a, b),
            self._customers(a, b, weighed),
        )
        settings = weighed.findings[0].settings
        sides = [_side(side, found) for side, found in zip((a, b), weighed.findings, strict=True)]
        return Link(
            schema=SCHEMA,
            a=sides[0],
            b=sides[1],
            outcome=answer.outcome,
            probability=answer.probability,
            prior=LINK_PRIOR,
            terms=answer.terms,
            sentence=answer.sentence,
            provenance=LinkProvenance(
                version=__version__,
                settings_digest=settings.digest(),
                field=field,
                ledger_snapshot=self.ledger.snapshot(),
                evidence_digests={side.evidence.campaign: evidence_digest(side.evidence) for side in (a, b)},
                other_campaign_count=len(self.others),
                others_digest=_others_digest(self.others),
                settings=settings.document(),
            ),
        )

    # --- sources -------------------------------------------------------------------------------------------------

    def _weighed(self, a: Comparable, b: Comparable, field: str, *, pseudonyms: bool) -> _Weighed:
        """The findings, and the later one once more without what the earlier one has too.

        Of the later one, for there whoever handled the earlier complaints had been shown their customers in time.
        """
        ours = self.tracer.keyring.customer_keys(
            sorted({item.customer for side in (a, b) for item in side.evidence.items})
        )

        # Each on its own evidence: what other campaigns teach is in neither.
        beliefs = beliefs_of((), self.tracer.settings, None)

        def weigh(side: Comparable, evidence: Evidence) -> Weighed:
            # Customers of the other side are no controls: they may be of the same leak.
            reporters = np.setdiff1d(side.reporters, ours)
            return self.tracer.weigh(evidence, field, reporters=reporters, beliefs=beliefs, pseudonyms=pseudonyms)

        sides = (a, b)
        findings = (weigh(a, a.evidence), weigh(b, b.evidence))
        later = 0 if _order(a) > _order(b) else 1
        rest = _without(sides[later].evidence, sides[1 - later].evidence)
        count = len(sides[later].evidence.items) - len(rest.items)
        apart: list[Weighed | None] = list(findings)
        if count:
            apart[later] = weigh(sides[later], rest) if rest.items else None
        return _Weighed(findings, (apart[0], apart[1]), count, findings[1 - later].study)

    def _sources(self, weighed: _Weighed) -> LinkTerm:
        one, other = (found.judgement for found in weighed.findings)
        named = sorted(set(one.named) & set(other.named))
        suspected = _suspected(one.named, one.verdict.suspects, weighed.findings[0]) & _suspected(
            other.named, other.verdict.suspects, weighed.findings[1]
        )
        both = InBoth(tuple(named), len(suspected), weighed.kept_apart_count)
        first, second = (_suspicion(found) for found in weighed.apart)
        return sources_term(first, second, both, prior=self.tracer.settings.insider_prior_probability)

    # --- what mail shows -----------------------------------------------------------------------------------------

    def _seller(self, a: Comparable, b: Comparable) -> LinkTerm:
        known = [one.campaign.seller for one in self.others if one.campaign.seller is not None]
        claims = [
            SellerClaim(
                side.evidence.seller, side.evidence.seller_probability or (1.0 if side.evidence.seller else 0.0)
            )
            for side in (a, b)
        ]
        return seller_term(claims[0], claims[1], known)

    def _sender(self, a: Comparable, b: Comparable) -> LinkTerm:
        own: frozenset[str] = frozenset()
        if a.evidence.seller == b.evidence.seller is not None:
            domains = [one.domains for one in self.ledger.sellers() if one.seller == a.evidence.seller]
            own = frozenset(domain.lower() for names in domains for domain in names)
        hosts = [_shown_hosts(side.traces) - own for side in (a, b)]
        nowhere: frozenset[bytes] = frozenset()
        tell = frozenset(
            host
            for host in hosts[0] & hosts[1]
            if not host.startswith("mailbox:")
            and len(a.traces.hosts.get(host, nowhere) | b.traces.hosts.get(host, nowhere)) > 1
        )
        seen: Counter[str] = Counter()
        others = [one for one in self.others if one.hosts]
        for one in others:
            seen.update(_shown_hosts(one))
        return sender_term(hosts[0], hosts[1], seen, len(others), tell=tell)

    # --- customers -----------------------------------------------------------------------------------------------

    def _customers(self, a: Comparable, b: Comparable, weighed: _Weighed) -> LinkTerm:
        elsewhere = Counter(key for one in self.others for key in one.customers.tolist())
        everything = {key for key, count in elsewhere.items() if count >= REPORTS_EVERYTHING}
        sides = [
            np.array([key for key in side.traces.customers.tolist() if key not in everything], dtype=np.uint64)
            for side in (a, b)
        ]
        study = weighed.earlier
        intensity = study.controls.intensity()[study.uniform_control].astype(np.float64)
        mean = float(intensity.mean()) if len(intensity) else 0.0
        shared_count = len(np.intersect1d(a.traces.customers, b.traces.customers))
        pairs = Counter(elsewhere)
        for side in (a, b):
            pairs.update(side.traces.customers.tolist())
        sizes = np.array([len(one.customers) for one in (a.traces, b.traces, *self.others)], dtype=np.float64)
        products = (sizes.sum() ** 2 - (sizes**2).sum()) / 2.0 - sizes[0] * sizes[1]
        return customers_term(
            Overlap(
                counts=(len(sides[0]), len(sides[1])),
                shared_count=len(np.intersect1d(sides[0], sides[1])),
                expected_count=self._expected_count(sides[0], sides[1], study.customer_count),
                busy_times=float((intensity**2).mean() / mean**2) if mean > 0.0 else 1.0,
                other_shared_count=sum(count * (count - 1) // 2 for count in pairs.values()) - shared_count,
                other_expected_count=float(products) / study.customer_count,
            )
        )

    def _expected_count(self, one: Keys, other: Keys, customer_count: int) -> float:
        """Shared customers by chance: within each region (else jurisdiction) all are alike."""
        nobody: Keys = np.zeros(0, dtype=np.uint64)
        drawn = self.ledger.draw_controls(
            _REGION_DRAW, seed=self.tracer.settings.control_seed, near=nobody, exclude=nobody
        )
        everybody, ours, theirs = (self._places(keys) for keys in (drawn, one, other))
        total = sum(everybody.values())
        if not total:
            return len(one) * len(other) / customer_count
        # A place that the draw missed is rare, not empty.
        return sum(
            ours[place] * theirs[place] * (total + 1.0) / (everybody[place] + 1.0) / customer_count
            for place in sorted(ours.keys() & theirs.keys())
        )

    def _places(self, keys: Keys) -> Counter[str]:
        table = self.ledger.customers(keys)
        return Counter(region or place for region, place in zip(table.region, table.jurisdiction, strict=True))


def _side(side: Comparable, found: Weighed) -> LinkSide:
    campaign = side.traces.campaign
    return LinkSide(
        campaign=campaign.campaign,
        outcome=found.judgement.verdict.outcome,
        seller=campaign.seller,
        seller_probability=campaign.seller_probability,
        report_count=campaign.report_count,
        customer_count=campaign.customer_count,
        first_mail_at=campaign.first_mail_at,
    )


def _order(side: Comparable) -> tuple[datetime, tuple[datetime, ...], tuple[str, ...]]:
    """Which campaign is the earlier one; what the two are called changes it only where all times are equal."""
    times = sorted(item.received_at or item.reported_at or _LATE for item in side.evidence.items)
    return (side.traces.campaign.first_mail_at or _LATE, tuple(times), evidence_content(side.evidence.items))


def _without(evidence: Evidence, other: Evidence) -> Evidence:
    """The items whose customer and reporter are not in the other evidence too."""
    customers = {item.customer for item in other.items}
    reporters = {item.reporter for item in other.items if item.reporter is not None}
    kept = tuple(item for item in evidence.items if item.customer not in customers and item.reporter not in reporters)
    return replace(evidence, items=kept)


def _suspicion(found: Weighed | None) -> Suspicion:
    if found is None:
        return Suspicion.none()
    study, judgement = found.study, found.judgement
    eligible = study.opened_count > 0
    shown = judgement.late
    too_little = judgement.verdict.code in _STANDS_ON_TOO_LITTLE and not (
        judgement.verdict.code == "no_contacts" and study.contacts_known  # then the chances are as good as any
    )
    usable = bool(eligible.any()) and shown.view.size > 0 and not too_little
    if not usable:
        return Suspicion.none()
    keys = np.array(found.inquiry.principal_keys, dtype=np.uint64)[eligible]
    order = np.argsort(keys)
    nobody = min(max(judgement.no_insider_probability, 0.0), 1.0)
    return Suspicion(keys[order], shown.person[eligible][order], nobody)


def _suspected(named: Iterable[str], sets: Iterable[tuple[int, ...]], found: Weighed) -> set[str]:
    members = {found.study.principals[index].name for members in sets for index in members}
    return members | set(named)


def _shown_hosts(traces: CampaignTraces) -> frozenset[str]:
    least = _SHOWN_SHARE * traces.reporter_count
    return frozenset(host for host, reporters in traces.hosts.items() if len(reporters) >= least)


def _others_digest(others: Iterable[CampaignTraces]) -> str:
    """SHA-256 over what chance is learned from."""
    digest = hashlib.sha256()
    for one in sorted(others, key=lambda one: one.campaign.campaign):
        hosts = sorted(_shown_hosts(one))
        digest.update(repr((one.campaign.seller, one.customers.tolist(), hosts)).encode())
    return digest.hexdigest()
