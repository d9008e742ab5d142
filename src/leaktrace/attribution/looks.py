"""What a decision is made of: the same study weighed at several cuts, and what is known besides."""

from __future__ import annotations

from dataclasses import dataclass

from leaktrace.attribution.explanations import Posterior
from leaktrace.attribution.study import Study
from leaktrace.attribution.waves import Wave


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the decision takes from outside the numbers."""

    naming_threshold: float
    nobody_threshold: float
    set_mass: float
    log_has_accesses: bool
    log_allows_nobody: bool
    margin_days: int
    wave_days: int = 90
    """So long before the first mail an earlier one that nobody reported may have come; 0: it is known that none did."""
    bulk_readers: frozenset[str] = frozenset()
    """Persons who read the field of many customers at once before the mail, the log not saying whose; by name."""
    rows_unread: bool = False
    """More than stray rows of the log could not be read: somebody else may have been shown all of it there."""
    complaint_handlers: frozenset[str] = frozenset()
    """Persons known to handle complaints about unwanted mail: that they opened complaining customers' records in a
    burst says nothing."""
    clearing_prior: float | None = None
    """Nobody is cleared that would not be at this insider prior; null: at the one that everything is weighed with."""

    def handlers(self, study: Study) -> frozenset[int]:
        """Which of the study's principals are known to handle complaints."""
        names = self.complaint_handlers
        if not names:
            return frozenset()
        return frozenset(index for index, facts in enumerate(study.principals) if facts.name in names)


@dataclass(frozen=True, slots=True)
class Looks:
    """The same study weighed at several cuts."""

    late: Posterior
    """Each customer's own mail is the cut; of those set aside only what they opened early counts."""
    early: Posterior
    """The cut lies some days before the campaign's first mail, for everybody; bursts are set aside."""
    late_all: Posterior
    """As `late`, with nobody set aside."""
    set_aside: tuple[Wave, ...]
    """What was opened as whoever handles complaints does, and counts in `late_all` alone."""
    bursts: tuple[Wave, ...]
    """Openings in bursts, be they set aside or, where no earlier mail came, not."""
    stretches: tuple[Wave, ...]
    """Openings of those who may be named that came together in days, however long ago; none where it is known that no
    earlier mail came."""
    late_told: Posterior
    """As `late`, but set aside is only what known complaint handlers opened: who else opened in a burst may have done
    it for either reason, and their chances are told so."""
