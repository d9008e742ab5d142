"""Any JSON or CSV log, as a mapping in a file of the user's own says (`--option mapping=mapping.toml`)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.ledger.formats import AccessRow, PassedOver, RejectedRow
from leaktrace.ledger.mapping.loading import CEILING_BYTES, mapping_from_text
from leaktrace.ledger.mapping.model import Mapping
from leaktrace.ledger.mapping.reader import read_mapped_file

_HINT = "Say --option mapping=mapping.toml; docs/formats/mapping.md says what it holds."


def read_mapped(path: Path, options: Mapping | None = None) -> Iterator[AccessRow | RejectedRow | PassedOver]:
    """Accesses of one log; UsageError without a mapping, LedgerError where it cannot be read as a whole."""
    if options is None:
        raise UsageError("The format 'mapped' needs a mapping.", _HINT)
    return read_mapped_file(path, options)


def options_from_document(document: Table[str, object]) -> Mapping:
    """The mapping in the file that the option `mapping` names; other options are those the mapping itself declares."""
    named = document.get("mapping")
    if not isinstance(named, str | Path) or not str(named):
        raise UsageError("The format 'mapped' needs the option 'mapping'.", _HINT)
    path = Path(named)
    try:
        with path.open("rb") as stream:
            text = stream.read(CEILING_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: the mapping cannot be read: {error.strerror}.", _HINT) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the mapping is not UTF-8 at byte {error.start}.", "Save it as UTF-8.") from error
    return mapping_from_text(text, {name: value for name, value in document.items() if name != "mapping"}, str(path))
