"""What is true of a simulated marketplace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SimulationTruth:
    """What `simulate` wrote to truth.json (DESIGN 4.3)."""

    scenario: str
    seed: int
    sources: tuple[str, ...]
    tied: tuple[str, ...]
    handlers: tuple[str, ...]
    seller: str
    mail_at: datetime
    leaked_customers: tuple[str, ...]
    mailed_customers: tuple[str, ...]
    reporting_customers: tuple[str, ...]
