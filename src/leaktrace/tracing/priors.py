"""What is believed before a campaign's own reports are read: the setting, what other campaigns taught, a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution import CampaignNumbers, Shares, learned_prior, learned_shares
from leaktrace.records import Prior
from leaktrace.settings import Settings
from leaktrace.tracing.personprior import PersonPrior


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The priors of one trace."""

    setting: float
    floor: float
    shares: Shares
    """Over the other campaigns."""
    persons: PersonPrior | None

    @property
    def insider(self) -> float:
        """Chance of somebody inside before any report."""
        return learned_prior(self.shares, self.setting, self.floor) if self.shares.campaign_count else self.setting

    def log_weights(self, principals: Sequence[str]) -> NDArray[np.float64] | None:
        """Ln weight of each principal; null where nobody gave weights."""
        if self.persons is None:
            return None
        return np.asarray(np.log([self.persons.weights.get(name, 1.0) for name in principals]), dtype=np.float64)


def beliefs_of(others: Sequence[CampaignNumbers], settings: Settings, persons: PersonPrior | None) -> Beliefs:
    """From what other campaigns left and a file, if there is one."""
    setting = settings.insider_prior_probability
    floor = min(settings.insider_prior_floor_probability, setting)
    return Beliefs(setting, floor, learned_shares(others, setting), persons)


def prior_record(beliefs: Beliefs, eligible: Iterable[str]) -> Prior:
    """What the finding says of them. `eligible`: principals who had been shown the field at all."""
    names = frozenset(eligible)
    weights = {} if beliefs.persons is None else beliefs.persons.weights
    used = len(weights.keys() & names)
    clipped = 0 if beliefs.persons is None else len(beliefs.persons.clipped & names)
    shares = beliefs.shares if beliefs.shares.campaign_count else None
    return Prior(
        insider_probability=beliefs.insider,
        setting=beliefs.setting,
        learned_from_campaigns=beliefs.shares.campaign_count,
        share_low=shares.insider_low if shares else None,
        share_high=shares.insider_high if shares else None,
        other_causes_mean=shares.other_causes if shares else None,
        other_causes_low=shares.other_causes_low if shares else None,
        other_causes_high=shares.other_causes_high if shares else None,
        source="file" if beliefs.persons else "learned" if shares else "setting",
        uniform_over=len(names),
        file_digest=beliefs.persons.digest if beliefs.persons else None,
        file_weight_count=used,
        file_unknown_count=len(weights) - used,
        file_clipped_count=clipped,
        sentence=f"{_insider(beliefs)}, {_persons(beliefs, len(names), used, len(weights) - used, clipped)}",
    )


def _insider(beliefs: Beliefs) -> str:
    chance = f"the chance of somebody inside, before any report of this one, is {beliefs.insider:.2g}"
    shares = beliefs.shares
    if not shares.campaign_count:
        return f"No other campaign was traced here that tells anything about this one, so {chance} (the setting)"
    bound = ""
    if shares.insider > beliefs.setting:
        bound = " (the setting; learning goes no higher)"
    elif shares.insider < beliefs.floor:
        bound = " (learning goes no lower)"
    return f"{shares_sentence(shares, 'other campaign').removesuffix('.')}; {chance}{bound}"


def shares_sentence(shares: Shares, what: str = "campaign") -> str:
    """What campaigns say together, in one sentence."""
    if not shares.campaign_count:
        return "No campaign was traced here that tells anything about others."
    return (
        f"Over {shares.campaign_count} {what}{'' if shares.campaign_count == 1 else 's'} traced here, about "
        f"{_percent(shares.insider)} have an insider ({_percent(shares.insider_low)} to "
        f"{_percent(shares.insider_high)}), and about {_percent(shares.other_causes)} of the reports have another "
        f"cause ({_percent(shares.other_causes_low)} to {_percent(shares.other_causes_high)})."
    )


def _persons(beliefs: Beliefs, many: int, used: int, unknown: int, clipped: int) -> str:
    if beliefs.persons is None:
        return f"shared alike by {many:,} principals."
    return (
        f"shared by {many:,} principals with the weights of a file ({used:,} used, {unknown:,} of nobody here, "
        f"{clipped:,} bounded); nobody is named or cleared who would not be without them."
    )


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"
