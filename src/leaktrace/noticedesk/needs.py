"""What notices need of the case room and of the world outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from leaktrace.caserecords import NoticesPlanned, NoticesReconciled, TranslationApproved
from leaktrace.noticedesk.reports import FrozenList
from leaktrace.response.notices import Directory, NoticeConfig, Relay, SmtpRelay, open_directory
from leaktrace.response.notices.facts import Measure


class NoticeCase(Protocol):
    """What notices need of the case room."""

    def require_reader(self, case: str) -> None:
        """NotAllowedError for whoever may not read the case: who was told is part of it."""

    def require_teller(self, case: str, kind: type[NoticesPlanned] | type[NoticesReconciled]) -> None:
        """NotAllowedError for whoever may not plan, or send, notices in this case; `kind`: what that writes down."""

    def exposure(self, case: str) -> FrozenList:
        """The frozen list of the case, customers by pseudonym; CaseError where none is frozen."""

    def customer_named(self, case: str, customer: str, why: str) -> str:
        """The pseudonym of a customer's id, for whoever may open names; logged first, with why. CaseError: not here."""

    def customers(self, case: str, request: str) -> Mapping[str, str]:
        """Pseudonym -> customer id of everybody on it, under an approval of `send_notices` that is being used."""

    def translations(self, case: str) -> Iterable[TranslationApproved]:
        """Every approved translation that holds in this case."""

    def measures_borne(self, case: str) -> frozenset[Measure]:
        """Measures of which the case has an entry: contained, blocked, reported to an authority, handed over."""

    def version_asked(self, case: str, request: str) -> str | None:
        """The version of the notices that a request to send is about; null where there is no such request."""

    def note(self, case: str, text: str) -> object:
        """Writes a note into the case; CaseError where it names somebody."""

    def sellers_domains(self, case: str) -> frozenset[str]:
        """Mail domains of the sellers the case is about."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What sending takes from outside; tests put in their own."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    relay: Callable[[NoticeConfig], Relay] = lambda config: SmtpRelay(config.relay)
    directory: Callable[[NoticeConfig, Sequence[str]], Directory] = lambda config, wanted: open_directory(
        config.directory, wanted
    )
