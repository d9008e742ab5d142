"""After a kill: takes away what was written but never committed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.durable import storing
from leaktrace.ledger.engine import SPILL_PREFIX
from leaktrace.ledger.rejects import cut_rejects

FOLDERS = ("lake", "index", "dictionary", "rejects", "tmp")


def remove_leftovers(folder: Path, catalog: Catalog) -> int:
    """Removes files the catalogue does not know and cuts rejects files to what counts; how many files changed.

    Only for whoever holds the writer's lock: another writer's files would look like leftovers.
    """
    known, rejects, changed = catalog.all_paths(), catalog.rejects(), _remove_spills(folder / "tmp")
    for path in sorted(path for name in FOLDERS for path in (folder / name).rglob("*") if path.is_file()):
        place = path.relative_to(folder)
        if str(place) in rejects:
            if path.stat().st_size > rejects[str(place)]:
                cut_rejects(path, rejects[str(place)])
                changed += 1
        elif str(place) not in known and not place.parts[1].startswith(SPILL_PREFIX):
            with storing(path):
                path.unlink()
            changed += 1
    return changed


def _remove_spills(folder: Path) -> int:
    """Removes what processes that are no more had spilled."""
    dead = [spill for spill in folder.glob(f"{SPILL_PREFIX}*") if not _runs(int(spill.name.split("-")[1]))]
    for spill in dead:
        with storing(spill):
            shutil.rmtree(spill)
    return len(dead)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
