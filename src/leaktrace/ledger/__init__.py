"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.engines import OpenAnswers, answers_of
from leaktrace.ledger.follow import StreamAsked
from leaktrace.ledger.interface import Cost, Ledger, Progress
from leaktrace.ledger.preview import preview_files
from leaktrace.ledger.upkeep import Signed, Upkeep
from leaktrace.settings import ENGINES

__all__ = [
    "ENGINES",
    "Around",
    "Cost",
    "DuckLedger",
    "Ledger",
    "OpenAnswers",
    "Pace",
    "Progress",
    "Signed",
    "StreamAsked",
    "Upkeep",
    "answers_of",
    "preview_files",
]
