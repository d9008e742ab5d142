"""OCSF: Datastore Activity (6005) and API Activity (6003), as the mapping in `builtin/ocsf.toml` says."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from pathlib import Path

from leaktrace.ledger.formats import AccessRow, PassedOver, RejectedRow
from leaktrace.ledger.mapping.loading import builtin_text, mapping_from_text
from leaktrace.ledger.mapping.model import Mapping
from leaktrace.ledger.mapping.reader import read_mapped_file


def read_ocsf(path: Path, options: Mapping | None = None) -> Iterator[AccessRow | RejectedRow | PassedOver]:
    """Accesses of one file of OCSF events; LedgerError where it cannot be read as a whole."""
    return read_mapped_file(path, options or options_from_document({}))


def options_from_document(document: Table[str, object]) -> Mapping:
    """The mapping with these options filled in; UsageError on one that there is not."""
    return mapping_from_text(builtin_text("ocsf"), document, "The format ocsf")
