"""Takes one source file in: read, judge, gather, sort, store, commit. Kill it anywhere: nothing is lost or doubled."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from leaktrace.ledger import staging
from leaktrace.ledger.catalogrecords import ClockStep, SourceCommit
from leaktrace.ledger.cells import CheckedBatch, check
from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.dictionary import NameKind
from leaktrace.ledger.followed import Move
from leaktrace.ledger.formats import AskedFormat, BadFileError, FileFormat, format_of, holds_accesses_only, row_reader
from leaktrace.ledger.gathered import Gathered
from leaktrace.ledger.interface import Progress, tell_cost
from leaktrace.ledger.jsonbyengine import json_parser
from leaktrace.ledger.newnames import ClashingNamesError
from leaktrace.ledger.parts import Batches, FilePart, mark_of, whole_file
from leaktrace.ledger.rawrows import Meter
from leaktrace.ledger.redaction import redact
from leaktrace.ledger.rejects import RejectsSpool
from leaktrace.ledger.rowwise import row_batches
from leaktrace.ledger.schema import ACCESSES, BULK_READS, PROVENANCE, TableSchema
from leaktrace.ledger.sourceoutputs import SourceOutputs
from leaktrace.ledger.sourcestate import FileDigest, state_of
from leaktrace.ledger.stores import NAME_KINDS, Stores
from leaktrace.ledger.tabular import read_batches
from leaktrace.ledger.taken import Taken


class SourceIntake:
    """Takes one file into one table."""

    def __init__(
        self, stores: Stores, path: Path, schema: TableSchema, asked: AskedFormat, part: FilePart | None = None
    ) -> None:
        self._stores, self._path, self._schema, self._part = stores, path, schema, part
        self._format: FileFormat = format_of(path, asked.name, asked.options)
        self._staged = (BULK_READS,) if schema is ACCESSES else (schema,)
        """Tables whose rows are gathered and sorted by DuckDB; accesses go their own way, in runs."""
        self._source = stores.catalog.next_source()
        self._before = (0, 0)
        self._digest: FileDigest | None = None
        self._meter, self._began = Meter(), time.monotonic()
        self.row_count = 0
        """Rows of the source, whatever became of them: its last row has this number, but for blank lines."""
        # The name of a file may hold a customer's address; what is kept of it does not.
        self._kept_name = redact((part.shown if part else path).name, stores.keyring)
        self.clock = ClockWatch(stores.settings.clock_step_seconds)
        """What watched the times of the rows."""

    def take(
        self,
        sha256: str,
        rejects_file: Path,
        progress: Progress,
        state: tuple[int, int] | None = None,
        digest: FileDigest | None = None,
    ) -> Taken:
        """Commits the file's rows, unless the very same bytes are in this table already, packed or not.

        `state`: size and time of modification when the digest was taken; a file that grew since is refused.
        `digest`: of a whole file.
        """
        self._before, self._digest = state or state_of(self._path), digest
        content_sha256 = digest.content_sha256 if digest else None
        known = self._stores.catalog.source_counts(sha256, self._schema.name, content_sha256)
        if known is not None:
            return Taken(already_count=known[0], rejected_before_count=known[1])
        with RejectsSpool(self._stores.folder, rejects_file, self._kept_name) as rejects:
            try:
                gathered = self._gather_without_clashes(sha256, rejects, progress)
                return self._store(gathered, sha256, rejects, progress)
            finally:
                for query in staging.drop_staged(self._staged):
                    self._stores.engine.execute(query)

    def _demand_unchanged(self) -> None:
        if state_of(self._path) != self._before:
            raise BadFileError(
                f"{self._path}: it changed while it was read.", "Wait until it is complete, then run this again."
            )

    # --- gathering ----------------------------------------------------------------------------------

    def _gather_without_clashes(self, sha256: str, rejects: RejectsSpool, progress: Progress) -> Gathered:
        """Reads the file; again where two of its names share a number, then without the later of them."""
        barred: dict[NameKind, frozenset[str]] = {kind: frozenset() for kind in NAME_KINDS}
        while True:
            outputs = SourceOutputs(self._stores, self._schema, sha256, self._source)
            try:
                gathered = self._gather(barred, outputs, rejects, progress)
                self._demand_unchanged()
                for kind in NAME_KINDS:
                    outputs.dictionaries.write(kind, self._stores.engine, self._stores.keyring)
            except ClashingNamesError as clash:
                outputs.discard()
                rejects.restart()
                barred = {kind: barred[kind] | clash.names.get(kind, frozenset()) for kind in NAME_KINDS}
            except BaseException:
                outputs.discard()
                raise
            else:
                return gathered

    def _gather(
        self,
        barred: dict[NameKind, frozenset[str]],
        outputs: SourceOutputs,
        rejects: RejectsSpool,
        progress: Progress,
    ) -> Gathered:
        keyring, withholding = self._stores.keyring, self._stores.withholding
        self._make_room()
        rules = outputs.name_rules(self._stores, barred)
        before = self._part.clock if self._part else None
        self.clock = before.goes_on() if before else ClockWatch(self._stores.settings.clock_step_seconds)
        gathered, self.row_count = Gathered(self.clock, outputs), 0
        for parts in self._part.renumbered(self._raw_batches()) if self._part else self._raw_batches():
            self.row_count += sum(len(raw.rows) + len(raw.rejected) for _, raw in parts)
            checked = list[CheckedBatch]()
            for schema, raw in parts:
                # Kept at once: what was numbered last must be this part's names.
                taken = check(raw, schema, keyring, rules, withholding.floor_at(schema.name))
                checked.append(withholding.without_forgotten(taken))
                self._keep(checked[-1], schema, gathered, rejects)
            gathered.watch_clock(checked)
            gathered.note([raw for _, raw in parts])
            cost = gathered.cost(time.monotonic() - self._began, self._meter.share())
            tell_cost(progress, f"reading {self._path.name}", cost)
        if outputs.runs is not None:
            progress(f"storing {self._path.name}", gathered.row_count(), gathered.row_count())
            outputs.runs.finish()
        return gathered

    def _make_room(self) -> None:
        for schema in self._staged:
            self._stores.engine.execute(staging.create_staged(schema))
        self._stores.engine.execute(staging.create_names())

    def _raw_batches(self) -> Batches:
        spool_folder = self._stores.folder / "tmp"
        reader = row_reader(self._format.name, self._format.options)
        if reader is None:
            json = json_parser(self._stores.json_engine)
            for raw in read_batches(self._path, self._format, self._schema, json, spool_folder, self._meter):
                yield ((self._schema, raw),)
            return
        if self._schema is not ACCESSES:
            raise holds_accesses_only(self._path, self._format.name, self._schema.name)
        for tied, bulk in row_batches(self._path, self._format, reader, spool_folder):
            yield (ACCESSES, tied), (BULK_READS, bulk)

    def _keep(self, checked: CheckedBatch, schema: TableSchema, gathered: Gathered, rejects: RejectsSpool) -> None:
        rejects.add(checked.rejected)
        gathered.count(schema, len(checked.rows), len(checked.rejected), checked.unreadable_address_count)
        gathered.count_withheld(checked.withheld)
        outputs = gathered.outputs
        if schema is ACCESSES and outputs.runs is not None:
            outputs.runs.add(checked, outputs.customers, outputs.numbered["principal"])
        elif len(checked.rows):
            source = np.full(len(checked.rows), self._source, dtype=np.int64)
            provenance = dict(zip((name for name, _ in PROVENANCE), (source, checked.rows), strict=True))
            self._stores.engine.execute(staging.keep_rows(schema, pa.table({**checked.columns, **provenance})))

    # --- storing ------------------------------------------------------------------------------------

    def _store(self, gathered: Gathered, sha256: str, rejects: RejectsSpool, progress: Progress) -> Taken:
        outputs = gathered.outputs
        try:
            for schema in self._staged:
                progress(f"storing {self._path.name}", gathered.row_count(), gathered.row_count())
                outputs.writers[schema.name].write(self._stores.engine.stream(staging.sorted_rows(schema)))
            self._stores.catalog.commit(self._commit_of(gathered, sha256, rejects))
        except BaseException:
            # The catalogue is asked: an interrupt right after the commit must not take away what counts already.
            if self._stores.catalog.source_counts(sha256, self._schema.name) is None:
                outputs.discard()
                rejects.take_back()
            raise
        self._stores.tidy()
        return gathered.taken()

    def _commit_of(self, gathered: Gathered, sha256: str, rejects: RejectsSpool) -> SourceCommit:
        outputs, runs, taken = gathered.outputs, gathered.outputs.runs, gathered.taken()
        content_sha256 = self._digest.content_sha256 if self._digest else sha256
        is_told = self._stores.catalog.is_read_anew(sha256, self._schema.name, content_sha256)
        principals = set(runs.principals()) if runs is not None else set()
        if runs is not None:
            bulk = self._stores.engine.run(staging.bulk_readers()).column("principal").to_pylist()
            principals |= {int(str(key)) for key in bulk}
        return SourceCommit(
            source=self._source,
            sha256=sha256,
            table=self._schema.name,
            file_name=self._kept_name,
            accepted_count=taken.accepted_count,
            rejected_count=taken.rejected_count,
            bulk_count=taken.bulk_count,
            overlaps=self._overlaps(),
            segments=tuple(stored for writer in outputs.writers.values() for stored in writer.publish()),
            dictionaries=outputs.dictionaries.publish(),
            postings=outputs.postings.publish(),
            day_counts=runs.days.all() if runs is not None else (),
            principals=tuple(sorted(principals)),
            clock_steps=self._clock_steps(gathered.clock) if runs is not None else (),
            rejects=rejects.append(may_be_there=is_told),
            withheld_count=taken.retired_count + taken.forgotten_count,
            content_sha256=content_sha256,
            followed=self._move(taken),
        )

    def _clock_steps(self, clock: ClockWatch) -> tuple[ClockStep, ...]:
        """Those that touch what is kept: a step between two rows that are not taken in says nothing any more."""
        floor_at = self._stores.withholding.floor_at(ACCESSES.name)
        return tuple(step for step in clock.steps() if floor_at is None or step.from_at >= floor_at)

    def _move(self, taken: Taken) -> Move | None:
        if self._part:
            return self._part.moved(self.row_count)
        if self._digest is None or not taken.any_row():
            return None  # whoever follows a file of which nothing was taken begins at its beginning
        mark = mark_of(self._path, self._stores.keyring)
        return whole_file(self._path, self._digest, self._format, self._schema.name, mark, self.row_count)

    def _overlaps(self) -> bool:
        earlier = self._stores.catalog.segments(self._schema.name)
        if self._schema.identity is None or not earlier:
            return False
        paths = [str(self._stores.folder / segment.path) for segment in earlier]
        return bool(self._stores.engine.run(staging.overlap(self._schema, paths)).column("overlaps")[0].as_py())
