"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.follow import StreamAsked
from leaktrace.ledger.interface import Cost, Ledger, Progress

__all__ = ["Around", "Cost", "DuckLedger", "Ledger", "Pace", "Progress", "StreamAsked"]
