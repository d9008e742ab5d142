"""Exposures and evidence to a finding. Pure: no I/O, no clock, no global state."""

from leaktrace.attribution.decision import Circumstances, Verdict
from leaktrace.attribution.explain import explain
from leaktrace.attribution.judge import Judgement, judge, shortlist_of
from leaktrace.attribution.mailed import mailed_estimate
from leaktrace.attribution.study import NEVER, Case, Channels, Group, Samples, Study
from leaktrace.attribution.suspects import CloseLook, look_closely

__all__ = [
    "NEVER",
    "Case",
    "Channels",
    "Circumstances",
    "CloseLook",
    "Group",
    "Judgement",
    "Samples",
    "Study",
    "Verdict",
    "explain",
    "judge",
    "look_closely",
    "mailed_estimate",
    "shortlist_of",
]
