"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.interface import Ledger, Progress
from leaktrace.ledger.preview import preview_files

__all__ = ["DuckLedger", "Ledger", "Progress", "preview_files"]
