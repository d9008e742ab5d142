"""What a calibration is asked for: light, so that a command's help can tell the defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leaktrace.errors import UsageError

SIZES = (3, 5, 10, 20, 50, 100)
CAMPAIGNS = 20
NOISE = 0.3
MOST_SIZE = 1000
MOST_CAMPAIGNS = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for."""

    field: str = "email"
    campaigns: int = CAMPAIGNS
    """Planted for each size and kind."""
    noise: float = NOISE
    """Chance that a report of a leak comes from another list."""
    seed: int = 1
    sizes: tuple[int, ...] = SIZES
    """Reports in a campaign."""

    def checked(self) -> Plan:
        """The same, sizes sorted and each once; UsageError for what makes no sense."""
        if not self.sizes or min(self.sizes) < 1 or max(self.sizes) > MOST_SIZE:
            raise UsageError(f"Sizes are whole numbers from 1 to {MOST_SIZE}.", "Example: --sizes 3,10,50.")
        if not 1 <= self.campaigns <= MOST_CAMPAIGNS:
            raise UsageError(
                f"Between 1 and {MOST_CAMPAIGNS} campaigns can be planted for each size and kind.",
                "Example: --campaigns 50.",
            )
        if not 0.0 <= self.noise <= 0.9:
            raise UsageError("The share of noise lies between 0 and 0.9.", "0.3 means that 3 of 10 reports are noise.")
        if self.seed < 0:
            raise UsageError("The seed is a whole number from 0 on.", "Example: --seed 7.")
        return replace(self, sizes=tuple(sorted(set(self.sizes))))
