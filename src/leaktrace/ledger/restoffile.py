"""A file that was followed, given to `ingest` as a whole: only what was not taken of it is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leaktrace.ledger.batcher import Around, Batcher, Pace, sum_of
from leaktrace.ledger.batches import LineTaker, Target, lines_of
from leaktrace.ledger.formats import AskedFormat, format_of, lines_stand_alone
from leaktrace.ledger.interface import Cost, Progress, tell_cost
from leaktrace.ledger.linecutting import header_of
from leaktrace.ledger.prefixes import Beginning, longest_beginning
from leaktrace.ledger.rawrows import HEAD_BYTES, open_bytes, reading
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.sourcestate import FileDigest
from leaktrace.ledger.stores import Stores
from leaktrace.ledger.tail import RestOfFile, Seen
from leaktrace.ledger.taken import Taken


def take_rest(
    stores: Callable[[], Stores],
    path: Path,
    schema: TableSchema,
    asked: AskedFormat,
    digest: FileDigest,
    rejects_file: Path,
    progress: Progress,
) -> Taken | None:
    """What a file brings whose beginning was followed, packed or not; None where it was not.

    Its rest is committed in batches. The caller holds the writer's lock.
    """
    entries = [entry for entry in stores().catalog.followed(schema.name) if not entry.whole]
    if not entries or stores().catalog.source_counts(digest.sha256, schema.name, digest.content_sha256):
        return None
    file_format = format_of(path, asked.name, asked.options)
    if not lines_stand_alone(file_format.name):
        return None
    beginning = longest_beginning(path, file_format.compression, entries, progress)
    if beginning is None:
        return None
    plain = replace(file_format, compression=None)
    target = Target(stores, schema, plain, lines_of(path, plain), rejects_file, lambda *_: None)
    memory_bytes = stores().settings.ingest_memory_megabytes * 1_000_000
    pace = Pace(every_seconds=float("inf"), every_rows=10_000_000)
    batcher = Batcher(target, pace, Around(), lambda: contextlib.nullcontext(enter_result=True), memory_bytes)
    batcher.begin(_taker(target, path, file_format.compression, beginning))
    rest = RestOfFile(path, file_format.compression, beginning.entry.taken_bytes)
    clock = Around().clock
    began = clock()
    try:
        while isinstance(chunk := rest.read(), bytes):
            batcher.feed(chunk)
            batcher.commit()
            taken = batcher.taken
            rows = taken.accepted_count + taken.rejected_count
            tell_cost(progress, f"reading {path.name}", Cost(rows, taken.rejected_count, clock() - began, rest.share()))
        assert chunk is Seen.END  # noqa: S101 - a complete file ends in no other way
        batcher.finish_line()
        batcher.commit(everything=True)
    finally:
        rest.close()
    return sum_of(Taken(already_count=beginning.entry.row_count), batcher.taken)


def _taker(target: Target, path: Path, compression: str | None, beginning: Beginning) -> LineTaker:
    entry = replace(beginning.entry, line_count=beginning.line_count)
    taker = LineTaker(target, path, entry, highest_id=None, beginning=beginning)
    if target.lines.has_header:
        with reading(path, compression, lambda: 0), open_bytes(path, compression) as stream:
            taker.header = header_of(stream.read(HEAD_BYTES))
    return taker
