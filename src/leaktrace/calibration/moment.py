"""When planted campaigns are mailed: one moment for all of them, and what the log can show of the time before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from leaktrace.errors import UsageError
from leaktrace.instants import microseconds, moved
from leaktrace.ledger import Ledger
from leaktrace.records import Instants, LogCoverage, Window
from leaktrace.settings import Settings
from leaktrace.tracing.question import COUNTED_SHARE, Question

_MOST_SPREAD = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Moment:
    """The first mail of every campaign, and the stretch of time in which all of them are mailed."""

    mail_at: datetime
    spread: timedelta
    window: Window
    """Accesses in it count."""
    coverage: LogCoverage
    """Of that window."""

    def question(self, field: str) -> Question:
        """Who had been shown the field before the first mail, asked for a seller that does not exist."""
        # Nobody had lawful contact with it.
        until = moved(self.mail_at, COUNTED_SHARE * self.spread)
        return Question(field, None, self.window, moved(self.mail_at, self.spread), until, (), 0)

    def mail_times(self, count: int, seed: int) -> Instants:
        """When each customer would be mailed: one time each, whatever campaign they are in, so one look-up serves."""
        spread = max(self.spread // timedelta(microseconds=1), 1)
        later = np.random.default_rng([seed, 1]).integers(0, spread, count)
        return (microseconds(self.mail_at) + later).astype(np.int64)


def moment_of(ledger: Ledger, settings: Settings, field: str) -> Moment:
    """A little before the log ends, so that accesses go on after it as they do in life; UsageError without a log."""
    whole = ledger.coverage(field, Window(None, None))
    if whole.first_access_at is None or whole.last_access_at is None:
        raise UsageError("There are no accesses in this workspace.", "Ingest some: leaktrace ingest accesses PATH.")
    spread = min(_MOST_SPREAD, (whole.last_access_at - whole.first_access_at) / 20)
    mail_at = moved(whole.last_access_at, timedelta(microseconds=1) - spread)
    window = Window(moved(mail_at, -timedelta(days=settings.exposure_window_days)), mail_at)
    return Moment(mail_at, spread, window, ledger.coverage(field, window))
