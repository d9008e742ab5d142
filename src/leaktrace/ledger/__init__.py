"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.interface import Ledger, Progress

__all__ = ["DuckLedger", "Ledger", "Progress"]
