"""Reads an evidence table that was named on the command line, and tells what of it did not count."""

from __future__ import annotations

from pathlib import Path

from leaktrace.cli.output import note
from leaktrace.intake.evidence import read_evidence_file
from leaktrace.records import Evidence


def read_evidence_table(path: Path) -> tuple[Evidence, int]:
    """An evidence table, and how many of its rows were left out; tells of them on stderr."""
    read = read_evidence_file(path)
    for row in read.rejected:
        note(f"{path}: row {row.row} was left out: {row.reason}.")
    if read.ignored_columns:
        note(f"{path}: columns ignored: {', '.join(read.ignored_columns)}.")
    return read.evidence, len(read.rejected)
