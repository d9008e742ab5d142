"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.interface import Ledger, Progress
from leaktrace.ledger.upkeep import Signed, Upkeep

__all__ = ["DuckLedger", "Ledger", "Progress", "Signed", "Upkeep"]
