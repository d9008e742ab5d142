"""What the wiring needs of a case to ask ledger and mail: ids as ingested. Nobody's request reaches this by itself.

Each method takes the permission of the work it serves; what it gives is used and never shown.
"""

from __future__ import annotations

import json

from leaktrace.cases.case import Case
from leaktrace.cases.guard import Guarded, needs
from leaktrace.cases.plainwords import nameless
from leaktrace.errors import CaseError


class Inside(Guarded):
    """Ids behind a case, for the program itself."""

    @needs("freeze", "exposure")
    def exposure_basis(self, case: str) -> Case:
        """The case, for whoever makes its exposure list."""
        return self._case(case)

    @needs("freeze", "exposure")
    def pseudonyms(self, case: str) -> dict[str, str]:
        """Id as ingested -> pseudonym, for whoever makes the exposure list; it is never shown."""
        return dict(self._store.names(case))

    @needs("hold", "case")
    def hold_basis(self, case: str) -> Case:
        """The case, for whoever sets or ends its legal hold."""
        return self._case(case)

    @needs("hold", "case")
    def exposed_customers(self, case: str) -> tuple[str, ...]:
        """Ids of the customers on the frozen exposure list, for the ledger's legal hold; none where none is frozen."""
        state = self._case(case)
        if state.exposure is None:
            return ()
        document = json.loads(self._exhibits.get(state.exposure.sha256))
        return tuple(row["customer"] for row in document["rows"])

    @needs("request", "approval")
    def asking(self, case: str) -> Case:
        """The case, for whoever asks for something in it."""
        return self._case(case)

    @needs("open", "case")
    def opening(self, title: str, summary: str) -> None:
        """Nothing: whoever may not open a case, or not under this title, is told so before anything is looked up."""
        nameless(title, {}, "title")
        nameless(summary, {}, "summary")

    @needs("add", "exhibit")
    def finding_basis(self, case: str) -> Case:
        """The case, for whoever attaches a finding to it."""
        return self._case(case)

    @needs("set_subjects", "case")
    def subject_basis(self, case: str) -> Case:
        """The case, for whoever says whom it is about."""
        return self._case(case)

    @needs("add", "people")
    def enrolling(self) -> None:
        """Nothing: whoever may not enrol is told so before anything is looked up."""

    @needs("read", "case")
    def subject_name(self, case: str, subject: str) -> str:
        """The id of a subject, to ask the log about its habit; it is never shown."""
        state = self._case(case)
        name = self._store.name_of(case, subject)
        if state.subjects is None or subject not in state.subjects.principals or name is None:
            raise CaseError(f"{subject[:30]} is not a subject of {case}.", "Set the subjects first.")
        return name
