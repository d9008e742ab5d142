"""A logistic line, rate = 1 / (1 + exp(-(level + slope x))), fitted with normal priors to many at once."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.study import Reals

_MOST_SLOPE = 1.5


def newton_step(
    level: Reals,
    slope: Reals,
    downhill: tuple[Reals, Reals],
    bend: tuple[Reals, Reals, Reals],
    spreads: tuple[float, float],
    usual_slope: float,
) -> tuple[Reals, Reals, Reals]:
    """Newton's step to the posterior mode: level and slope after it, and the standard deviation of the level.

    `downhill`: sums over the data of what is left unexplained, and of that times x; `bend`: of rate (1 - rate) times 1,
    x and x squared; `spreads`: standard deviations of the level about 0 and of the slope about `usual_slope`, before
    any data. No step is longer than one, and no slope falls or rises beyond reason.
    """
    first, second = 1.0 / spreads[0] ** 2, 1.0 / spreads[1] ** 2
    down_level, down_slope = downhill[0] - level * first, downhill[1] - (slope - usual_slope) * second
    a, b, c = bend[0] + first, bend[1], bend[2] + second
    room = a * c - b**2
    level = level + np.clip((c * down_level - b * down_slope) / room, -1.0, 1.0)
    slope = np.clip(slope + np.clip((a * down_slope - b * down_level) / room, -1.0, 1.0), 0.0, _MOST_SLOPE)
    return level, slope, np.sqrt(c / room)
