"""Exposures and evidence to a finding. Pure: no I/O, no clock, no global state."""

from leaktrace.attribution.budget import (
    GivenName,
    allowed_wrong,
    error_of,
    expected_wrong,
    needed_once_spent,
    withheld,
)
from leaktrace.attribution.decision import Verdict
from leaktrace.attribution.explain import explain
from leaktrace.attribution.judge import Judgement, judge, withhold
from leaktrace.attribution.learning import CampaignNumbers, Shares, learned_prior, learned_shares
from leaktrace.attribution.linking import (
    LINK_PRIOR,
    REPORTS_EVERYTHING,
    InBoth,
    Linked,
    Overlap,
    SellerClaim,
    Suspicion,
    customers_term,
    linked,
    seller_term,
    sender_term,
    sources_term,
)
from leaktrace.attribution.looks import Circumstances
from leaktrace.attribution.mailed import mailed_estimate
from leaktrace.attribution.screening import FirstLook, look_first
from leaktrace.attribution.study import NEVER, Case, Channels, Group, Samples, Study
from leaktrace.attribution.suspects import CloseLook, look_closely

__all__ = [
    "LINK_PRIOR",
    "NEVER",
    "REPORTS_EVERYTHING",
    "CampaignNumbers",
    "Case",
    "Channels",
    "Circumstances",
    "CloseLook",
    "FirstLook",
    "GivenName",
    "Group",
    "InBoth",
    "Judgement",
    "Linked",
    "Overlap",
    "Samples",
    "SellerClaim",
    "Shares",
    "Study",
    "Suspicion",
    "Verdict",
    "allowed_wrong",
    "customers_term",
    "error_of",
    "expected_wrong",
    "explain",
    "judge",
    "learned_prior",
    "learned_shares",
    "linked",
    "look_closely",
    "look_first",
    "mailed_estimate",
    "needed_once_spent",
    "seller_term",
    "sender_term",
    "sources_term",
    "withheld",
    "withhold",
]
