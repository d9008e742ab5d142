"""A part of a file taken as a source of its own: its rows keep the numbers that they have in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from leaktrace.keys import Keyring
from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.followed import Entry, Move
from leaktrace.ledger.formats import FileFormat, RejectedRow, lines_stand_alone
from leaktrace.ledger.prefixes import identity_of
from leaktrace.ledger.rawrows import MissingColumnsError, RawBatch
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.sourcestate import FileDigest

Batches = Iterator[tuple[tuple[TableSchema, RawBatch], ...]]


@dataclass(frozen=True, slots=True)
class FilePart:
    """Lines of a file, handed over in memory."""

    shown: Path
    """The file as people know it."""
    move: Move
    """How far the file is taken with this part, its row count still without it."""
    rows_before: int
    """Rows of the file before this part."""
    reasons: Mapping[int, str] = field(default_factory=dict)
    """Row of the part -> why it is set aside, where a stand-in was handed over."""
    may_lack_columns: bool = False
    """A column that no row has is no reason to refuse them all: the file had it before."""
    clock: ClockWatch | None = None
    """What watched the file's rows so far."""

    def renumbered(self, batches: Batches) -> Batches:
        """The rows with their numbers in the file."""
        try:
            for parts in batches:
                yield tuple((schema, self._renumbered(raw)) for schema, raw in parts)
        except MissingColumnsError:
            if not self.may_lack_columns:
                raise

    def _renumbered(self, raw: RawBatch) -> RawBatch:
        rejected = tuple(
            RejectedRow(row.source_row + self.rows_before, self.reasons.get(row.source_row, row.reason))
            for row in raw.rejected
        )
        return replace(raw, rows=raw.rows + self.rows_before, rejected=rejected)

    def moved(self, row_count: int) -> Move:
        """The move, given how many rows this part has."""
        entry = replace(self.move.entry, row_count=self.move.entry.row_count + row_count)
        return replace(self.move, entry=entry)


def mark_of(path: Path, keyring: Keyring) -> str:
    """The keyed hash that stands for a file's place."""
    return keyring.address_hash(f"followed file\x1f{path.absolute()}").hex()[:32]


def mark_of_stream(name: str, keyring: Keyring) -> str:
    """The keyed hash that stands for a stream's name."""
    return keyring.address_hash(f"followed stream\x1f{name}").hex()[:32]


def whole_file(
    path: Path, digest: FileDigest, file_format: FileFormat, table: str, mark: str, row_count: int
) -> Move | None:
    """What to remember of a file that was ingested in one piece, so that it can be followed from there on.

    Of a packed file: what it holds, for the log that it was packed from may be followed.
    """
    if not lines_stand_alone(file_format.name):
        return None
    size, sha256 = digest.content_bytes, digest.content_sha256
    entry = Entry(0, table, mark, identity_of(path), size, 0, row_count, sha256, whole=True)
    return Move(entry, None, sha256)
