"""Keeps a ledger in shape: checks it, merges small segments, lets old months and forgotten customers go."""

from leaktrace.ledger.upkeep.book import Signed
from leaktrace.ledger.upkeep.desk import Upkeep

__all__ = ["Signed", "Upkeep"]
