"""Exposures and evidence to a finding. Pure: no I/O, no clock, no global state."""

from leaktrace.attribution.decision import Circumstances, Verdict
from leaktrace.attribution.explain import explain
from leaktrace.attribution.judge import Judgement, judge, shortlist_of
from leaktrace.attribution.mailed import mailed_estimate
from leaktrace.attribution.study import NEVER, Case, Group, Samples, Study

__all__ = [
    "NEVER",
    "Case",
    "Circumstances",
    "Group",
    "Judgement",
    "Samples",
    "Study",
    "Verdict",
    "explain",
    "judge",
    "mailed_estimate",
    "shortlist_of",
]
