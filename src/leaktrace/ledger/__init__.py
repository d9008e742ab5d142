"""Who opened which record: formats in, lake, engines."""

from leaktrace.ledger.duck import DuckLedger
from leaktrace.ledger.engines import ENGINES, OpenAnswers, answers_of
from leaktrace.ledger.interface import Ledger, Progress
from leaktrace.ledger.preview import preview_files

__all__ = ["ENGINES", "DuckLedger", "Ledger", "OpenAnswers", "Progress", "answers_of", "preview_files"]
