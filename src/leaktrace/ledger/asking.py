"""What a question is answered out of."""

from __future__ import annotations

from dataclasses import dataclass

from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.engine import Answers
from leaktrace.ledger.openedlake import OpenedLake
from leaktrace.ledger.openednames import OpenedNames


@dataclass(frozen=True, slots=True)
class Asking:
    """One ledger, open for questions; the caller sees to it that all is read from one committed state (`question`)."""

    catalog: Catalog
    lake: OpenedLake
    names: OpenedNames
    engine: Answers
    """Answers what the index does not, or everything where no index is wanted."""
