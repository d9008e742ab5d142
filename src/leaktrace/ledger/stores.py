"""What taking a source in writes to and reads from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from leaktrace.keys import Keyring
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.dictionary import Dictionary, NameKind
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.room import Room
from leaktrace.ledger.upkeep.withholding import Withholding
from leaktrace.settings import Settings

NAME_KINDS: tuple[NameKind, ...] = ("customer", "principal")


@dataclass(frozen=True, slots=True)
class Stores:
    """What an ingest writes to and reads from."""

    folder: Path
    catalog: Catalog
    engine: Engine
    json_engine: Callable[[], Engine]
    """Sees names in clear, so it spills nothing."""
    keyring: Keyring
    settings: Settings
    tidy: Callable[[], None]
    """Called after each commit."""
    dictionaries: dict[NameKind, tuple[Dictionary, ...]]
    """Those committed before."""
    withholding: Withholding = field(default_factory=Withholding)
    room: Room = field(default_factory=Room)
