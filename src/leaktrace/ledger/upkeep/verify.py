"""Checks that the ledger is what was committed: every file's bytes, every row's place, every count.

1. each segment and dictionary is there, with the size and SHA-256 that the catalogue has;
2. each segment has the catalogue's number of rows and the table's columns, its rows stand in order and in their month;
3. the rows of each source are those that were taken in, less what was forgotten or retired since;
4. what was counted by day adds up to the accesses; dictionaries are sorted and have their number of names; the index
   has as many accesses as the segments that it stands for;
5. the catalogue itself is sound, rejects files are as long as it says, and there is no file that it does not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogrecords import POSTINGS, StoredFile
from leaktrace.ledger.dictionary import Dictionary, NameKind, digest_of
from leaktrace.ledger.durable import only_writer
from leaktrace.ledger.indexing import demand_match
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.lake import LAYOUT, ROW_GROUP_ROWS, with_times
from leaktrace.ledger.postings.layout import PostingsFile
from leaktrace.ledger.repair import FOLDERS, unknown_files
from leaktrace.ledger.schema import STORED
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.rows import RowWatch
from leaktrace.records import LedgerCheck, LedgerProblem

_OWN_FILES = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-journal", "ingest.lock", "readers.lock")
_SHOWN_NAMES = 5


@dataclass(slots=True)
class _Found:
    """What was seen so far."""

    problems: list[LedgerProblem] = field(default_factory=list)
    by_source: Counter[int] = field(default_factory=Counter)
    accesses_by_source: Counter[int] = field(default_factory=Counter)
    row_count: int = 0
    checked_bytes: int = 0
    unread_sources: bool = False
    """A segment could not be read, so the sums by source say nothing."""

    def add(self, file: str, problem: str) -> None:
        self.problems.append(LedgerProblem(file, problem))


def verify(premises: Premises, progress: Progress) -> LedgerCheck:
    """Every problem there is, by file. Others may read and write meanwhile: what is checked is one committed state."""
    found, notes = _Found(), list[str]()
    with premises.readers.reading():
        catalog = premises.catalog
        segments = [one for table in STORED for one in catalog.segments(table)]
        dictionaries, postings = catalog.dictionaries(), [f for stored in catalog.postings() for f in stored.files()]
        total = sum(one.size_bytes for one in (*segments, *dictionaries, *postings))
        for file in (*segments, *dictionaries, *postings):
            progress("checking files", found.checked_bytes, total)
            if _is_whole(premises.folder, file, found):
                _look_into(premises, file, found)
            found.checked_bytes += file.size_bytes
        progress("checking files", found.checked_bytes, total)
        _compare_sums(premises, found)
        _compare_index(premises, found)
        _check_catalogue(premises, found)
        notes += _look_for_strangers(premises, found)
    return LedgerCheck(
        problems=tuple(found.problems),
        segment_count=len(segments),
        dictionary_count=len(dictionaries),
        row_count=found.row_count,
        checked_bytes=found.checked_bytes,
        notes=tuple(notes),
    )


# --- files (1, 2, 4) ----------------------------------------------------------------------------------


def _is_whole(folder: Path, file: StoredFile, found: _Found) -> bool:
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.size_bytes:
            found.add(file.path, f"it has {size} bytes instead of {file.size_bytes}")
        elif digest_of(path) != file.sha256:
            found.add(file.path, "its bytes are not those that were committed (SHA-256)")
        else:
            return True
    except FileNotFoundError:
        found.add(file.path, "it is missing")
    except OSError as error:
        found.add(file.path, f"it cannot be read: {error.strerror or error}")
    found.unread_sources |= file.table in STORED
    return False


def _look_into(premises: Premises, file: StoredFile, found: _Found) -> None:
    if file.table in STORED:
        _look_into_segment(premises.folder, file, found)
    elif file.table == POSTINGS:
        _look_into_postings(premises.folder, file, found)
    else:
        _look_into_dictionary(premises.folder, file, found)


def _look_into_segment(folder: Path, file: StoredFile, found: _Found) -> None:
    schema = STORED[file.table]
    watch = RowWatch(schema, file.month if schema.by_month else None)
    try:
        with pq.ParquetFile(folder / file.path) as parquet:
            names = parquet.schema_arrow.names
            if names != [name for name, _ in schema.segment_columns(old=file.layout != LAYOUT)]:
                found.add(file.path, f"its columns are not those of {schema.name}")
                found.unread_sources = True
                return
            split = ("at_second", "at_microsecond")
            columns = [
                c for name in watch.columns() for c in (split if name == "at" and "at" not in names else (name,))
            ]
            for batch in _batches(parquet, columns):
                watch.see(with_times(batch))
    except (OSError, pa.ArrowException) as error:
        found.add(file.path, f"it cannot be read as Parquet: {str(error).splitlines()[0]}")
        found.unread_sources = True
        return
    if watch.row_count != file.row_count:
        found.add(file.path, f"it has {watch.row_count} rows instead of {file.row_count}")
    for problem in watch.problems:
        found.add(file.path, problem)
    found.row_count += watch.row_count
    found.by_source.update(watch.by_source)
    if file.table == "accesses":
        found.accesses_by_source.update(watch.by_source)


def _batches(parquet: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    yield from parquet.iter_batches(batch_size=ROW_GROUP_ROWS, columns=columns)


def _look_into_postings(folder: Path, file: StoredFile, found: _Found) -> None:
    try:
        row_count = PostingsFile(folder / file.path).about.row_count
    except LedgerError:
        found.add(file.path, "it is no file of the index")
        return
    if row_count != file.row_count:
        found.add(file.path, f"it has {row_count} accesses instead of {file.row_count}")


def _compare_index(premises: Premises, found: _Found) -> None:
    """Every set of postings has as many accesses as the segments that it stands for."""
    try:
        demand_match(premises.catalog.postings(), premises.catalog)
    except LedgerError as error:
        found.add("index", error.message)


def _look_into_dictionary(folder: Path, file: StoredFile, found: _Found) -> None:
    kind: NameKind = "customer" if file.table == "customer" else "principal"
    try:
        keys = Dictionary(folder / file.path, kind, Path(file.path).stem).keys
    except LedgerError:
        found.add(file.path, "it is no dictionary of names")
        return
    if len(keys) != file.row_count:
        found.add(file.path, f"it has {len(keys)} names instead of {file.row_count}")
    if len(keys) > 1 and not bool(np.all(keys[1:] > keys[:-1])):
        found.add(file.path, "its names are not in order")


# --- sums (3, 4) --------------------------------------------------------------------------------------


def _compare_sums(premises: Premises, found: _Found) -> None:
    if found.unread_sources:
        return  # the files that could not be read are said already
    sources = premises.catalog.sources()
    counted_by_day = premises.catalog.rows("SELECT source, sum(row_count) FROM day_counts GROUP BY source")
    by_day: dict[object, object] = {row[0]: row[1] for row in counted_by_day}
    for source in sources:
        there = found.by_source.pop(source.source, 0)
        if there != source.kept_count:
            found.add(
                source.file_name,
                f"{there} of its rows are in {source.table} instead of {source.kept_count}",
            )
        counted, accesses = by_day.get(source.source, 0), found.accesses_by_source[source.source]
        if counted != accesses:
            found.add(source.file_name, f"{counted} of its accesses are counted by day instead of {accesses}")
    for number, count in sorted(found.by_source.items()):
        found.add("ledger.db", f"{count} rows are of a source ({number}) that it does not know")


# --- the catalogue and strangers (5) ------------------------------------------------------------------


def _check_catalogue(premises: Premises, found: _Found) -> None:
    for (said,) in premises.catalog.rows("PRAGMA integrity_check(10)"):
        if said != "ok":
            found.add("ledger.db", f"SQLite says of it: {said}")
    if premises.catalog.rows("PRAGMA foreign_key_check"):
        found.add("ledger.db", "rows of it refer to a source that it does not have")
    for place, length in sorted(premises.catalog.rejects().items()):
        path = premises.folder / place
        if not path.is_file():
            found.add(place, "it is missing")
        elif path.stat().st_size < length:
            found.add(place, f"it has {path.stat().st_size} bytes instead of {length}")


def _look_for_strangers(premises: Premises, found: _Found) -> Iterator[str]:
    if premises.removed_at_open:
        named = ", ".join(premises.removed_at_open[:_SHOWN_NAMES])
        more = len(premises.removed_at_open) - _SHOWN_NAMES
        yield (
            f"What an interrupted run had left was taken away when the ledger was opened: {named}"
            + (f" and {more} more." if more > 0 else ".")
        )
    known_places = {*_OWN_FILES}
    for path in sorted(premises.folder.iterdir()):
        if path.is_dir() and path.name not in FOLDERS:
            found.add(path.name, "a folder that the catalogue does not know")
        elif path.is_file() and path.name not in known_places:
            found.add(path.name, "a file that the catalogue does not know")
    with only_writer(premises.lock_file, needed=False) as alone:
        if not alone:
            yield "Another process is writing, so files that the catalogue does not know (yet) were not looked for."
            return
        waiting = premises.catalog.replaced()
        for place in unknown_files(premises.folder, premises.catalog, FOLDERS):
            if place not in waiting:
                found.add(place, "a file that the catalogue does not know; opening the ledger again takes it away")
        if waiting:
            yield (
                f"{len(waiting)} file{'s' if len(waiting) > 1 else ''} gave way to others and will be removed when the"
                " ledger is opened while nobody asks it anything."
            )
