"""Takes one source file in: read, judge, gather, sort, store, commit. Kill it anywhere: nothing is lost or doubled."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from leaktrace.keys import Keyring
from leaktrace.ledger import staging
from leaktrace.ledger.catalog import Catalog, DayCount, SourceCommit, StoredFile
from leaktrace.ledger.cells import CheckedBatch, NameRules, check
from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.dictionary import Dictionary, NameKind
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.followed import Move
from leaktrace.ledger.formats import AskedFormat, BadFileError, FileFormat, format_of, row_reader
from leaktrace.ledger.interface import Cost, Progress, tell_cost
from leaktrace.ledger.lake import SegmentWriter
from leaktrace.ledger.names import NameKeys
from leaktrace.ledger.newnames import ClashingNamesError, DictionaryWriter, NewNames
from leaktrace.ledger.parts import FilePart, mark_of, whole_file
from leaktrace.ledger.rawrows import Meter, RawBatch
from leaktrace.ledger.redaction import redact
from leaktrace.ledger.rejects import RejectsSpool
from leaktrace.ledger.rowwise import row_batches
from leaktrace.ledger.schema import ACCESSES, BULK_READS, PROVENANCE, TableSchema
from leaktrace.ledger.tabular import read_batches
from leaktrace.ledger.textfiles import JsonParser
from leaktrace.settings import Settings

NAME_KINDS: tuple[NameKind, ...] = ("customer", "principal")
_DIGEST_BLOCK_BYTES = 4 * 1024 * 1024


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
    dictionaries: dict[NameKind, tuple[Dictionary, ...]]
    """Those committed before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one file brought."""

    accepted_count: int = 0
    rejected_count: int = 0
    bulk_count: int = 0
    already_count: int = 0
    unreadable_address_count: int = 0
    also_there: tuple[str, ...] = ()
    """Columns that were ignored."""


def digest_file(path: Path, progress: Progress) -> str:
    """SHA-256 of a file's bytes; BadFileError where it cannot be read."""
    if path.exists() and not path.is_file():
        raise BadFileError(f"{path}: it is not a file.", "Name files; a folder is walked by the command, not here.")
    digest, done = hashlib.sha256(), 0
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            while block := stream.read(_DIGEST_BLOCK_BYTES):
                digest.update(block)
                done += len(block)
                progress(f"checking {path.name}", done, size)
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    return digest.hexdigest()


def state_of(path: Path) -> tuple[int, int]:
    """Size in bytes and time of modification in nanoseconds; BadFileError where it cannot be seen."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    return status.st_size, status.st_mtime_ns


class SourceIntake:
    """Takes one file into one table."""

    def __init__(
        self, stores: Stores, path: Path, schema: TableSchema, asked: AskedFormat, part: FilePart | None = None
    ) -> None:
        self._stores, self._path, self._schema, self._part = stores, path, schema, part
        self._format: FileFormat = format_of(path, asked.name, asked.options)
        self._schemas = (schema, BULK_READS) if schema is ACCESSES else (schema,)
        self._source = stores.catalog.next_source()
        self._before = (0, 0)
        self._meter, self._began = Meter(), time.monotonic()
        self.row_count = 0
        """Rows of the source, whatever became of them: its last row has this number, but for blank lines."""
        # The name of a file may hold a customer's address; what is kept of it does not.
        self._kept_name = redact((part.shown if part else path).name, stores.keyring)
        self.clock = ClockWatch(stores.settings.clock_step_seconds)
        """What watched the times of the rows."""

    def take(self, sha256: str, rejects_file: Path, progress: Progress, state: tuple[int, int] | None = None) -> Taken:
        """Commits the file's rows, unless the very same bytes are in this table already.

        `state`: size and time of modification when the digest was taken; a file that grew since is refused.
        """
        self._before = state or state_of(self._path)
        known = self._stores.catalog.source_row_count(sha256, self._schema.name)
        if known is not None:
            return Taken(already_count=known)
        with RejectsSpool(self._stores.folder, rejects_file, self._kept_name) as rejects:
            try:
                gathered = self._gather_without_clashes(sha256, rejects, progress)
                return self._store(gathered, sha256, rejects, progress)
            finally:
                for query in staging.drop_staged(self._schemas):
                    self._stores.engine.execute(query)

    # --- gathering ----------------------------------------------------------------------------------

    def _gather_without_clashes(self, sha256: str, rejects: RejectsSpool, progress: Progress) -> _Gathered:
        """Reads the file; again where two of its names share a number, then without the later of them."""
        barred: dict[NameKind, frozenset[str]] = {kind: frozenset() for kind in NAME_KINDS}
        while True:
            gathered = self._gather(barred, rejects, progress)
            if state_of(self._path) != self._before:
                raise BadFileError(
                    f"{self._path}: it changed while it was read.", "Wait until it is complete, then run this again."
                )
            gathered.dictionaries = DictionaryWriter(self._stores.folder, sha256, self._schema.name)
            try:
                for kind in NAME_KINDS:
                    gathered.dictionaries.write(kind, self._stores.engine, self._stores.keyring)
            except ClashingNamesError as clash:
                gathered.dictionaries.discard()
                rejects.restart()
                barred = {kind: barred[kind] | clash.names.get(kind, frozenset()) for kind in NAME_KINDS}
            except BaseException:
                gathered.dictionaries.discard()
                raise
            else:
                return gathered

    def _gather(self, barred: dict[NameKind, frozenset[str]], rejects: RejectsSpool, progress: Progress) -> _Gathered:
        engine, keyring = self._stores.engine, self._stores.keyring
        for schema in self._schemas:
            engine.execute(staging.create_staged(schema))
        engine.execute(staging.create_names())
        hash_names = {"customer": keyring.customer_keys, "principal": keyring.principal_keys}
        rules = dict[str, NameRules]()
        for kind in NAME_KINDS:
            fresh = NewNames(kind, engine, self._stores.dictionaries[kind], keyring)
            rules[kind] = NameRules(NameKeys(hash_names[kind], fresh.take), barred[kind])
        before = self._part.clock if self._part else None
        self.clock = before.goes_on() if before else ClockWatch(self._stores.settings.clock_step_seconds)
        gathered, self.row_count = _Gathered(self.clock), 0
        for parts in self._part.renumbered(self._raw_batches()) if self._part else self._raw_batches():
            self.row_count += sum(len(raw.rows) + len(raw.rejected) for _, raw in parts)
            checked = {s.name: check(raw, s, keyring, rules) for s, raw in parts}
            for schema, _ in parts:
                self._keep(checked[schema.name], schema, gathered, rejects)
            gathered.watch_clock(tuple(checked.values()))
            gathered.also_there |= {name for _, raw in parts for name in raw.also_there}
            cost = gathered.cost(time.monotonic() - self._began, self._meter.share())
            tell_cost(progress, f"reading {self._path.name}", cost)
        return gathered

    def _raw_batches(self) -> Iterator[tuple[tuple[TableSchema, RawBatch], ...]]:
        spool_folder = self._stores.folder / "tmp"
        reader = row_reader(self._format.name, self._format.options)
        if reader is None:
            json = _json_parser(self._stores.json_engine)
            for raw in read_batches(self._path, self._format, self._schema, json, spool_folder, self._meter):
                yield ((self._schema, raw),)
            return
        if self._schema is not ACCESSES:
            raise BadFileError(
                f"{self._path}: the format {self._format.name} holds accesses, not {self._schema.name}.",
                f"Run: leaktrace ingest accesses --format {self._format.name}.",
            )
        for tied, bulk in row_batches(self._path, self._format, reader, spool_folder):
            yield (ACCESSES, tied), (BULK_READS, bulk)

    def _keep(self, checked: CheckedBatch, schema: TableSchema, gathered: _Gathered, rejects: RejectsSpool) -> None:
        rejects.add(checked.rejected)
        gathered.count(schema, len(checked.rows), len(checked.rejected), checked.unreadable_address_count)
        if len(checked.rows):
            source = np.full(len(checked.rows), self._source, dtype=np.int64)
            provenance = dict(zip((name for name, _ in PROVENANCE), (source, checked.rows), strict=True))
            self._stores.engine.execute(staging.keep_rows(schema, pa.table({**checked.columns, **provenance})))

    # --- storing ------------------------------------------------------------------------------------

    def _store(self, gathered: _Gathered, sha256: str, rejects: RejectsSpool, progress: Progress) -> Taken:
        progress(f"storing {self._path.name}", gathered.row_count(), gathered.row_count())
        assert gathered.dictionaries is not None  # noqa: S101 - gathering ends with them
        writers = [SegmentWriter(self._stores.folder, schema, sha256) for schema in self._schemas]
        try:
            for writer, schema in zip(writers, self._schemas, strict=True):
                writer.write(self._stores.engine.stream(staging.sorted_rows(schema)))
            segments = tuple(stored for writer in writers for stored in writer.publish())
            dictionaries = gathered.dictionaries.publish()
            commit = self._commit_of(gathered, sha256, segments, dictionaries, rejects)
            self._stores.catalog.commit(commit)
        except BaseException:
            for writer in writers:
                writer.discard()
            gathered.dictionaries.discard()
            rejects.take_back()
            raise
        return gathered.taken()

    def _commit_of(
        self,
        gathered: _Gathered,
        sha256: str,
        segments: tuple[StoredFile, ...],
        dictionaries: tuple[StoredFile, ...],
        rejects: RejectsSpool,
    ) -> SourceCommit:
        engine, is_log = self._stores.engine, self._schema is ACCESSES
        days = engine.run(staging.day_counts()).to_pylist() if is_log else []
        principals = engine.run(staging.principals_seen()).column("principal").to_pylist() if is_log else []
        taken = gathered.taken()
        return SourceCommit(
            source=self._source,
            sha256=sha256,
            table=self._schema.name,
            file_name=self._kept_name,
            accepted_count=taken.accepted_count,
            rejected_count=taken.rejected_count,
            bulk_count=taken.bulk_count,
            overlaps=self._overlaps(),
            segments=segments,
            dictionaries=dictionaries,
            day_counts=tuple(DayCount(**day) for day in days),
            principals=tuple(int(str(key)) for key in principals),
            clock_steps=gathered.clock.steps() if is_log else (),
            rejects=rejects.append(),
            followed=self._move(sha256),
        )

    def _move(self, sha256: str) -> Move | None:
        if self._part:
            return self._part.moved(self.row_count)
        mark = mark_of(self._path, self._stores.keyring)
        return whole_file(self._path, self._before[0], self._format, self._schema.name, sha256, mark, self.row_count)

    def _overlaps(self) -> bool:
        earlier = self._stores.catalog.segments(self._schema.name)
        if self._schema.identity is None or not earlier:
            return False
        paths = [str(self._stores.folder / segment.path) for segment in earlier]
        return bool(self._stores.engine.run(staging.overlap(self._schema, paths)).column("overlaps")[0].as_py())


class _Gathered:
    """What a file has brought so far."""

    def __init__(self, clock: ClockWatch) -> None:
        self.clock = clock
        self.also_there: set[str] = set()
        self.dictionaries: DictionaryWriter | None = None
        self._accepted = self._rejected = self._bulk = self._unreadable_addresses = 0

    def count(self, schema: TableSchema, accepted: int, rejected: int, unreadable_addresses: int) -> None:
        self._accepted += accepted
        self._bulk += accepted if schema is BULK_READS else 0
        self._rejected += rejected
        self._unreadable_addresses += unreadable_addresses

    def watch_clock(self, checked: Sequence[CheckedBatch]) -> None:
        """Shows the clock watch the rows of all parts in the order they stand in the file."""
        parts = [c for c in checked if "at" in c.columns]
        if not parts:
            return
        rows = np.concatenate([c.rows for c in parts])
        at = np.concatenate([np.asarray(c.columns["at"], dtype=np.int64) for c in parts])
        order = np.argsort(rows, kind="stable") if len(parts) > 1 else slice(None)
        self.clock.see(rows[order], at[order])

    def row_count(self) -> int:
        return self._accepted + self._rejected

    def cost(self, seconds: float, done_share: float | None) -> Cost:
        """What it has cost."""
        return Cost(self.row_count(), self._rejected, seconds, done_share)

    def taken(self) -> Taken:
        return Taken(
            accepted_count=self._accepted,
            rejected_count=self._rejected,
            bulk_count=self._bulk,
            unreadable_address_count=self._unreadable_addresses,
            also_there=tuple(sorted(self.also_there)),
        )


def _json_parser(engine: Callable[[], Engine]) -> JsonParser:
    def names(lines: pa.Table) -> tuple[str, ...]:
        return tuple(str(name) for name in engine().run(staging.json_keys(lines)).column("name").to_pylist())

    return JsonParser(cells=lambda lines, wanted: engine().run(staging.json_cells(lines, wanted)), names=names)
