"""Exposures and evidence to a finding. Pure: no I/O, no clock, no global state."""

from leaktrace.attribution.budget import GivenName, error_of, expected_wrong, withheld
from leaktrace.attribution.decision import Circumstances, Verdict
from leaktrace.attribution.explain import explain
from leaktrace.attribution.judge import Judgement, judge, shortlist_of, withhold
from leaktrace.attribution.learning import CampaignNumbers, Shares, learned_prior, learned_shares
from leaktrace.attribution.mailed import mailed_estimate
from leaktrace.attribution.study import NEVER, Case, Channels, Group, Samples, Study
from leaktrace.attribution.suspects import CloseLook, look_closely

__all__ = [
    "NEVER",
    "CampaignNumbers",
    "Case",
    "Channels",
    "Circumstances",
    "CloseLook",
    "GivenName",
    "Group",
    "Judgement",
    "Samples",
    "Shares",
    "Study",
    "Verdict",
    "error_of",
    "expected_wrong",
    "explain",
    "judge",
    "learned_prior",
    "learned_shares",
    "look_closely",
    "mailed_estimate",
    "shortlist_of",
    "withheld",
    "withhold",
]
