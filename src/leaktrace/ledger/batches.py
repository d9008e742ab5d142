"""Commits lines of one file or stream, batch by batch, each with the move of its entry in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.followed import Entry, Move, MovedOnError
from leaktrace.ledger.formats import AskedFormat, BadFileError, FileFormat, lines_stand_alone
from leaktrace.ledger.ingest import SourceIntake
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.linecutting import Cut, Header, cut_lines, cut_quoted, without_unreadable
from leaktrace.ledger.memoryfile import in_memory
from leaktrace.ledger.parts import FilePart
from leaktrace.ledger.prefixes import Beginning
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.stores import Stores
from leaktrace.ledger.taken import Taken

if TYPE_CHECKING:
    from hashlib import _Hash

_NO_OBJECT = b"?"


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a format are told apart."""

    cut: Cut
    has_header: bool
    rejects_stand_ins: bool
    """Whether the reader sets a line aside that cannot be a row; a row reader has its own way with bad bytes."""


def lines_of(path: Path, file_format: FileFormat) -> Lines:
    """BadFileError for a format whose lines cannot be taken one by one, and for what is compressed."""
    if file_format.compression:
        raise BadFileError(f"{path}: a compressed file does not grow.", "Ingest it as a whole, without --follow.")
    if not lines_stand_alone(file_format.name):
        raise BadFileError(
            f"{path}: files in the format {file_format.name} are only understood as a whole.",
            "Follow NDJSON or CSV; ingest files of this format once they are complete, without --follow.",
        )
    tabular = file_format.name in ("csv", "ndjson")
    cut = cut_quoted if file_format.name == "csv" else cut_lines
    return Lines(cut, has_header=file_format.name == "csv", rejects_stand_ins=tabular)


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go and how they are read."""

    stores: Callable[[], Stores]
    schema: TableSchema
    file_format: FileFormat
    lines: Lines
    rejects_file: Path
    progress: Progress


class LineTaker:
    """How far one file or stream is taken; takes its next lines."""

    def __init__(
        self, target: Target, shown: Path, entry: Entry, *, highest_id: int | None, beginning: Beginning | None = None
    ) -> None:
        """`highest_id`: for an entry that is not there yet, the highest id when it was looked for."""
        self._target, self._shown, self._highest_id = target, shown, highest_id
        self.entry = entry
        self.header: Header | None = None
        """Of a CSV; set before lines are taken."""
        self.may_lack_columns = entry.row_count > 0
        self._digest: _Hash | None = beginning.digest if beginning else hashlib.sha256()
        self._continues = bool(beginning and not beginning.ends_line)
        self._clock: ClockWatch | None = None

    @classmethod
    def of_stream(cls, target: Target, shown: Path, entry: Entry, *, highest_id: int | None) -> LineTaker:
        """For a stream: nobody can read its beginning again, so only batches have digests."""
        taker = cls(target, shown, entry, highest_id=highest_id)
        taker._digest = None
        return taker

    @property
    def shown(self) -> Path:
        """The file as people know it."""
        return self._shown

    def take(self, text: bytes) -> Taken:
        """Commits these complete lines. Whatever fails, nothing of them is in and the next call may try again.

        MovedOnError where somebody else took them meanwhile.
        """
        header = self.header if self._target.lines.has_header else None
        # Of a file the header is part of what is taken, and of the digest of its beginning.
        counted = header.text + text if header and self._digest and not self.entry.taken_bytes else text
        part = FilePart(
            shown=self._shown,
            move=self._move(counted),
            rows_before=self.entry.row_count if header else self.entry.line_count,
            may_lack_columns=self.may_lack_columns and self._target.file_format.name == "ndjson",
            clock=self._clock,
        )
        if self._target.lines.rejects_stand_ins:
            stand_in = b"," * header.column_count if header else _NO_OBJECT
            text, reasons = without_unreadable(text, self._target.lines.cut, stand_in, continues=self._continues)
            part = replace(part, reasons=reasons)
        taken, intake = self._commit((header.text if header else b"") + text, part)
        if taken.already_count:
            raise MovedOnError  # the very same lines of the same entry: another process was faster
        self.entry, self._clock = part.moved(intake.row_count).entry, intake.clock
        if self._digest is not None:
            self._digest.update(counted)
        self._highest_id, self._continues = None, False
        self.may_lack_columns = self.may_lack_columns or taken.accepted_count > 0
        return taken

    def _move(self, counted: bytes) -> Move:
        start = None if self._highest_id is not None else self.entry.taken_bytes
        sha256 = ""
        if self._digest is not None:
            digest = self._digest.copy()
            digest.update(counted)
            sha256 = digest.hexdigest()
        entry = replace(
            self.entry,
            id=self.entry.id if self._highest_id is None else self._highest_id + 1,
            taken_bytes=self.entry.taken_bytes + len(counted),
            line_count=self.entry.line_count + counted.count(b"\n"),
            sha256=sha256,
            whole=False,
        )
        return Move(entry, start, hashlib.sha256(counted).hexdigest(), self._highest_id)

    def _commit(self, content: bytes, part: FilePart) -> tuple[Taken, SourceIntake]:
        target, entry = self._target, part.move.entry
        # No two batches of a ledger end at the same byte of the same entry.
        name = hashlib.sha256(f"followed {entry.id} {entry.taken_bytes} {part.move.batch_sha256}".encode()).hexdigest()
        asked = AskedFormat(target.file_format.name, target.file_format.options)
        with in_memory(content) as path:
            try:
                intake = SourceIntake(target.stores(), path, target.schema, asked, part)
                return intake.take(name, target.rejects_file, target.progress), intake
            except BadFileError as error:
                first = part.rows_before + 1
                where = f" (rows and bytes are counted from row {first} of it)" if part.rows_before else ""
                raise BadFileError(error.message.replace(str(path), f"{self._shown}{where}"), error.hint) from error
