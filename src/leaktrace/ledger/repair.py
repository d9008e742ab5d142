"""After a kill: takes away what was written but never committed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.durable import only_writer, storing
from leaktrace.ledger.engine import SPILL_PREFIX
from leaktrace.ledger.readers import Readers
from leaktrace.ledger.rejects import cut_rejects

FOLDERS = ("lake", "index", "dictionary", "rejects", "tmp")


_READ = ("lake", "index", "dictionary")
"""Folders of which a file that no longer counts may still be read by a question that began before."""


def remove_leftovers(folder: Path, catalog: Catalog, readers: Readers) -> tuple[str, ...]:
    """Removes files the catalogue does not know and cuts rejects files to what counts; the files that changed.

    Only for whoever holds the writer's lock: another writer's files would look like leftovers. Files that a question
    may still be reading stay where somebody asks just now; the next call takes them.
    """
    _remove_spills(folder / "tmp")
    rejects, changed = catalog.rejects(), list[str]()
    for place in unknown_files(folder, catalog, ("tmp", "rejects")):
        with storing(folder / place):
            (folder / place).unlink()
        changed.append(place)
    for place, length in rejects.items():
        if (folder / place).is_file() and (folder / place).stat().st_size > length:
            cut_rejects(folder / place, length)
            changed.append(place)
    return (*changed, *remove_replaced(folder, catalog, readers))


def remove_leftovers_if_alone(lock_file: Path, folder: Path, catalog: Catalog, readers: Readers) -> tuple[str, ...]:
    """The same where nobody is writing; where somebody is, nothing is removed."""
    with only_writer(lock_file, needed=False) as alone:
        return remove_leftovers(folder, catalog, readers) if alone else ()


def remove_replaced(folder: Path, catalog: Catalog, readers: Readers, patience_seconds: float = 0.0) -> tuple[str, ...]:
    """Removes segments and dictionaries that no longer count, unless somebody is still reading after that time.

    What is left is found with `unknown_files`. Only for whoever holds the writer's lock.
    """
    if not unknown_files(folder, catalog, _READ) and not catalog.replaced():
        return ()
    with readers.nobody_reads(patience_seconds) as alone:
        gone = unknown_files(folder, catalog, _READ) if alone else []
        for place in gone:
            with storing(folder / place):
                (folder / place).unlink()
        if alone and catalog.replaced():
            catalog.replaced_are_gone()
    return tuple(gone)


def unknown_files(folder: Path, catalog: Catalog, names: Sequence[str] = _READ) -> list[str]:
    """Files in these folders that the catalogue does not know, spilled ones left out; relative paths, sorted."""
    known = catalog.all_paths() | set(catalog.rejects())
    found = (str(path.relative_to(folder)) for name in names for path in (folder / name).rglob("*") if path.is_file())
    return sorted(place for place in found if place not in known and not Path(place).parts[1].startswith(SPILL_PREFIX))


def _remove_spills(folder: Path) -> None:
    """Removes what processes that are no more had spilled."""
    for spill in folder.glob(f"{SPILL_PREFIX}*"):
        if not _runs(int(spill.name.split("-")[1])):
            with storing(spill):
                shutil.rmtree(spill)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
