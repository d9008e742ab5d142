"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.engines import ENGINES, OpenAnswers, answers_of
from leaktrace.ledger.interface import Ledger, Progress
from leaktrace.ledger.preview import preview_files
from leaktrace.ledger.upkeep import Signed, Upkeep

__all__ = [
    "ENGINES",
    "DuckLedger",
    "Ledger",
    "OpenAnswers",
    "Progress",
    "Signed",
    "Upkeep",
    "answers_of",
    "preview_files",
]
