"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.interface import Ledger, Progress

__all__ = ["Ledger", "Progress"]
