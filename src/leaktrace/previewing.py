"""What an `ingest` would make of files: no workspace, no key, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from leaktrace.errors import UsageError, meant
from leaktrace.intake.evidence import OPTIONAL, REQUIRED, read_evidence_file, row_of
from leaktrace.ledger import preview_files
from leaktrace.records import TABLES, IngestPreview, PreviewReject, PreviewRow, to_document

_SHOWN_COUNT = 10


def preview_tables(
    table: str, files: Sequence[Path], file_format: str | None, options: Mapping[str, str] | None
) -> IngestPreview:
    """The first ten rows and rejects; UsageError for a table that there is not, LedgerError for a broken file."""
    if table not in TABLES:
        raise UsageError(f"There is no table '{table}'.", f"{meant(table, TABLES)}Tables are: {', '.join(TABLES)}.")
    if table == "evidence":
        if options:
            raise UsageError("Evidence is read without options.", "Leave --option out.")
        return _of_evidence(files, file_format)
    return preview_files(table, files, file_format=file_format, options=options)


def _of_evidence(files: Sequence[Path], file_format: str | None) -> IngestPreview:
    """Evidence files are small and are read whole."""
    rows: list[PreviewRow] = []
    rejected: list[PreviewReject] = []
    ignored: set[str] = set()
    for path in dict.fromkeys(files):
        read = read_evidence_file(path, file_format)
        rejected += [PreviewReject(path.name, one.row, one.reason) for one in read.rejected]
        for item in read.evidence.items:
            told = to_document(item)
            values = {name: None if told.get(name) is None else str(told[name]) for name in (*REQUIRED, *OPTIONAL)}
            rows.append(PreviewRow(path.name, row_of(item), values))
        ignored |= set(read.ignored_columns)
    notes = (f"Columns that evidence does not have are ignored: {len(ignored)}.",) if ignored else ()
    return IngestPreview(
        table="evidence",
        file_count=len(set(files)),
        accepted_count=len(rows),
        bulk_count=0,
        rejected_count=len(rejected),
        passed_over_count=0,
        is_whole=True,
        rows=tuple(rows[:_SHOWN_COUNT]),
        rejected=tuple(rejected[:_SHOWN_COUNT]),
        notes=notes,
    )
