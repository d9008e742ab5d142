"""Takes the files of one call in, one after the other, and reports what became of their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from leaktrace.ledger.formats import AskedFormat, BadFileError
from leaktrace.ledger.ingest import SourceIntake
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.rawrows import capitals_hint, shown_columns
from leaktrace.ledger.restoffile import take_rest
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.sourcestate import FileDigest, digest_file, state_of
from leaktrace.ledger.stores import Stores
from leaktrace.ledger.taken import Taken
from leaktrace.records import IngestReport


def take_files(
    stores: Callable[[], Stores],
    schema: TableSchema,
    files: Sequence[Path],
    asked: AskedFormat,
    progress: Progress,
) -> IngestReport:
    """Each file is committed by itself; bad ones raise together once the others are in."""
    digests, states, bad = dict[Path, FileDigest](), dict[Path, tuple[int, int]](), list[BadFileError]()
    for path in dict.fromkeys(files):
        try:
            states[path] = state_of(path)
            digests[path] = digest_file(path, progress)
        except BadFileError as error:
            bad.append(error)
    rejects_file = stores().folder / "rejects" / f"{schema.name}-{_call_digest(digests)[:8]}.ndjson"
    taken = list[Taken]()
    for path, digest in digests.items():
        try:
            known = take_rest(stores, path, schema, asked, digest, rejects_file, progress)
            if known is None:
                intake = SourceIntake(stores(), path, schema, asked)
                known = intake.take(digest.sha256, rejects_file, progress, states[path], digest)
            taken.append(known)
        except BadFileError as error:
            bad.append(error)
    if bad:
        raise _all_of(bad, len(taken))
    return report_of(schema, taken, rejects_file)


def _call_digest(digests: dict[Path, FileDigest]) -> str:
    """One file: its own digest; more: one over all of theirs."""
    each = sorted({digest.sha256 for digest in digests.values()})
    return each[0] if len(each) == 1 else hashlib.sha256("".join(each).encode()).hexdigest()


def _all_of(bad: Sequence[BadFileError], taken_count: int) -> BadFileError:
    others = f" The {taken_count} other file{'s are' if taken_count > 1 else ' is'} in." if taken_count else ""
    message = "\n".join(error.message for error in bad)
    hints = list(dict.fromkeys(error.hint for error in bad if error.hint))
    return BadFileError(message, " ".join(hints) + others)


def report_of(schema: TableSchema, taken: Sequence[Taken], rejects_file: Path) -> IngestReport:
    """What became of the rows, and what was noticed."""
    rejected = sum(t.rejected_count for t in taken)
    notes = list[str]()
    ignored = sorted({name for t in taken for name in t.also_there})
    if ignored:
        hint = capitals_hint(schema.column_names(), ignored)
        notes.append(f"Columns that {schema.name} does not have were ignored: {shown_columns(ignored)}.{hint}")
    if bulk := sum(t.bulk_count for t in taken):
        notes.append(f"{bulk} reads cannot be tied to customers; what the log can show takes them into account.")
    if passed_over := sum(t.passed_over_count for t in taken):
        notes.append(f"{passed_over} records of the log are no accesses and were passed over.")
    if unreadable := sum(t.unreadable_address_count for t in taken):
        notes.append(f"{unreadable} customers have an e-mail address that is none; they are in without it.")
    if before := sum(t.rejected_before_count for t in taken):
        notes.append(f"{before} of the rows that came before were rejected then; what was mended comes in a new file.")
    if (rejected or passed_over) and not any(t.any_row() for t in taken):
        notes.append("Not one row was taken: is it the right mapping? With another one the same file may come again.")
    if retired := sum(t.retired_count for t in taken):
        notes.append(f"{retired} rows are older than what this ledger keeps; they were not taken in.")
    if forgotten := sum(t.forgotten_count for t in taken):
        notes.append(f"{forgotten} rows are of customers who were forgotten here; they were not taken in.")
    return IngestReport(
        table=schema.name,
        accepted_count=sum(t.accepted_count for t in taken),
        rejected_count=rejected,
        already_ingested_count=sum(t.already_count for t in taken),
        rejects_file=str(rejects_file) if rejected else None,
        notes=tuple(notes),
    )
