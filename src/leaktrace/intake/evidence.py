"""Evidence that does not come as mail through us: the `evidence` table of DESIGN 4.1. One file is one campaign."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from leaktrace.errors import LedgerError, to_utf8
from leaktrace.instants import LAST, instant_at
from leaktrace.records import Evidence, EvidenceItem, EvidenceKind, Grade, to_json
from leaktrace.utf8 import is_text

REQUIRED = ("customer", "kind")
OPTIONAL = ("received_at", "reported_at", "seller", "grade", "reporter")
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""Evidence lies between them: there was no mail before, and programs write 9999 where they know no time."""
CEILING_BYTES = 500_000_000
"""A larger evidence file, packed or unpacked, is refused: a campaign's reports are thousands, not millions."""
CEILING_ROWS = 1_000_000
CEILING_COLUMNS = 10_000
FORMATS = ("csv", "ndjson", "parquet")
_KNOWN = {*REQUIRED, *OPTIONAL}
_ENDINGS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet"}
_NO_OBJECT = "the line is not a JSON object"
_BATCH_ROWS = 65_536

_NumberedRows = Iterator[tuple[int, dict[str, Any] | str]]


@dataclass(frozen=True, slots=True)
class RejectedEvidence:
    """A row that could not be used, and why; names no customer."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReadEvidence:
    """What a file held."""

    evidence: Evidence
    rejected: tuple[RejectedEvidence, ...]
    ignored_columns: tuple[str, ...]
    sha256: str
    """Of the file's bytes."""


def read_evidence(path: str | PathLike[str]) -> Evidence:
    """The evidence in a CSV, NDJSON or Parquet file, without rows that cannot be used (see `read_evidence_file`)."""
    return read_evidence_file(Path(path)).evidence


def read_evidence_file(path: Path, file_format: str | None = None) -> ReadEvidence:
    """The evidence in a file with its rejected rows. LedgerError names file, and row or byte where it breaks.

    `file_format`: one of `FORMATS`; null: by the file's extension.
    """
    asked = _format_of(path, file_format)
    raw = _bytes_of(path)
    rows, columns = _rows(path, raw, asked)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise LedgerError(
            f"{path}: the evidence table lacks the column{'s' if len(missing) > 1 else ''} {' and '.join(missing)}.",
            f"It needs {', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}.",
        )
    items: list[EvidenceItem] = []
    rejected: list[RejectedEvidence] = []
    digest = hashlib.sha256(raw).hexdigest()
    for number, row in rows:
        item = row if isinstance(row, str) else _item(row, f"{digest[:12]} row {number}")
        if isinstance(item, str):
            rejected.append(RejectedEvidence(number, item))
        else:
            items.append(item)
    sellers = Counter(item.seller for item in items if item.seller)
    seller = sellers.most_common(1)[0][0] if len(sellers) == 1 else None
    evidence = Evidence(
        items=tuple(items),
        campaign=f"e-{_digest(items)[:8]}",
        seller=seller,
        seller_probability=1.0 if seller else None,
    )
    # They are printed, and JSON may spell what no screen takes.
    names = {name.encode(errors="replace").decode() for name in columns}
    ignored = tuple(sorted(names - {*REQUIRED, *OPTIONAL}))
    return ReadEvidence(evidence, tuple(rejected), ignored, digest)


def row_of(item: EvidenceItem) -> int:
    """The row of its file that an item was read from, as rejected rows are numbered."""
    return int(item.source.rpartition(" ")[2])


def evidence_digest(evidence: Evidence) -> str:
    """SHA-256 over what the evidence says, in whatever order, however often each item, and wherever it comes from."""
    return _digest(evidence.items)


def evidence_content(items: Iterable[EvidenceItem]) -> tuple[str, ...]:
    """What these items say, each once, sorted: the same for a file whose rows were sorted anew or told twice."""
    return tuple(sorted({to_json(replace(item, source=""), indent=None) for item in items}))


def _digest(items: Iterable[EvidenceItem]) -> str:
    return hashlib.sha256("\n".join(evidence_content(items)).encode(errors="surrogatepass")).hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > CEILING_BYTES:
            raise LedgerError(f"{path}: larger than {CEILING_BYTES} bytes.", "Split it: one file is one campaign.")
        raw = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}.", "Check the path and its rights.") from error
    return raw


def _unpacked(path: Path, raw: bytes) -> bytes:
    name = path.name.lower()
    try:
        if name.endswith(".gz"):
            plain = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(CEILING_BYTES + 1)
        elif name.endswith(".zst"):
            import pyarrow

            with pyarrow.CompressedInputStream(io.BytesIO(raw), "zstd") as stream:
                plain = stream.read(CEILING_BYTES + 1)
        else:
            return raw
    except (OSError, EOFError, zlib.error) as error:
        raise LedgerError(f"{path}: the compressed file is damaged or cut short.", "Copy it again.") from error
    if len(plain) > CEILING_BYTES:
        raise LedgerError(f"{path}: unpacks to more than {CEILING_BYTES} bytes.", "One file is one campaign.")
    return bytes(plain)


def _format_of(path: Path, file_format: str | None) -> str:
    stem = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    found = file_format or next((name for ending, name in _ENDINGS.items() if stem.endswith(ending)), None)
    if found is None:
        raise LedgerError(f"{path}: not a kind of file this reads.", "Use .csv, .ndjson or .parquet (also .gz, .zst).")
    if found not in FORMATS:
        raise LedgerError(
            f"{path}: evidence is not read as {found}.",
            f"For evidence, say --format with one of: {', '.join(FORMATS)}.",
        )
    return found


def _rows(path: Path, raw: bytes, file_format: str) -> tuple[_NumberedRows, tuple[str, ...]]:
    """Numbered rows (from 1), or why one is none, and the columns."""
    if file_format == "parquet":
        return _parquet(path, _unpacked(path, raw))
    try:
        text = _unpacked(path, raw).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LedgerError(f"{path}: not UTF-8 text at byte {error.start}.", to_utf8(error.object[:4])) from error
    return _ndjson(path, text) if file_format == "ndjson" else _csv(path, text)


def _within(path: Path, what: str, count: int, ceiling: int) -> None:
    if count > ceiling:
        raise LedgerError(f"{path}: has more than {ceiling} {what}.", "Is it evidence? One file is one campaign.")


def _csv(path: Path, text: str) -> tuple[_NumberedRows, tuple[str, ...]]:
    # Strict: else a quote that is not closed makes one value of the rows after it, and nobody hears of it.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, dict[str, Any] | str]] = []
    try:
        columns = tuple(next(reader, ()))
        _within(path, "columns", len(columns), CEILING_COLUMNS)
        # Only what is used: a row that is shorter than the header must not take as much memory as the header.
        places = {name: place for place, name in enumerate(columns) if name in _KNOWN}
        for cells in reader:
            if cells:
                row = {name: cells[place] for name, place in places.items() if place < len(cells)}
                rows.append((len(rows) + 1, row))
                _within(path, "rows", len(rows), CEILING_ROWS)
    except csv.Error as error:
        raise LedgerError(
            f"{path}: cannot be read as CSV after row {len(rows)}: {error}.", "Is a quote left open? Write it again."
        ) from error
    return iter(rows), columns


def _ndjson(path: Path, text: str) -> tuple[_NumberedRows, tuple[str, ...]]:
    rows: list[tuple[int, dict[str, Any] | str]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):  # JSON texts may hold U+2028
        if not line.strip():
            continue
        row = _json_row(line)
        if isinstance(row, str):
            rows.append((number, row))
        else:
            columns |= dict.fromkeys(row)
            rows.append((number, {name: value for name, value in row.items() if name in _KNOWN}))
        _within(path, "columns", len(columns), CEILING_COLUMNS)
        _within(path, "rows", len(rows), CEILING_ROWS)
    return iter(rows), tuple(columns) or REQUIRED


def _json_row(line: str) -> dict[str, Any] | str:
    """One line's object, or why it is none: the other lines are taken, as of every table (DESIGN 4.1)."""
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return _NO_OBJECT
    except ValueError:  # it is JSON, but Python reads no numbers of thousands of digits
        return "a number has too many digits"
    return row if isinstance(row, dict) else _NO_OBJECT


def _parquet(path: Path, raw: bytes) -> tuple[_NumberedRows, tuple[str, ...]]:
    import pyarrow
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    unpacked_bytes = 0
    try:
        with pyarrow.parquet.ParquetFile(io.BytesIO(raw)) as file:
            columns = tuple(file.schema_arrow.names)
            known = _known_columns(path, file.schema_arrow)
            for packed in file.iter_batches(_rows_at_once(path, file.metadata, known), columns=known):
                batch = _spelled_out(packed)
                unpacked_bytes += batch.nbytes
                _within(path, "unpacked bytes", unpacked_bytes, CEILING_BYTES)
                rows.extend(_parquet_rows(batch))
    except (pyarrow.ArrowException, OSError, OverflowError, ValueError) as error:
        raise LedgerError(f"{path}: not a whole Parquet file.", "It may be cut short; copy it again.") from error
    return iter(enumerate(rows, start=1)), columns


def _known_columns(path: Path, schema: Any) -> list[str]:
    import pyarrow

    _within(path, "columns", len(schema.names), CEILING_COLUMNS)
    known = [name for name in schema.names if name in _KNOWN]
    for name in known:
        if known.count(name) > 1:
            raise LedgerError(f"{path}: the column {name} is there more than once.", "Write the table again.")
        kind = schema.field(name).type
        if pyarrow.types.is_timestamp(kind) and kind.tz is None:
            raise LedgerError(f"{path}: the times in {name} have no zone.", "Write them with a zone (UTC is best).")
        if pyarrow.types.is_nested(kind):
            raise LedgerError(f"{path}: the column {name} holds lists or records.", "Write one value a row.")
    return known


def _rows_at_once(path: Path, metadata: Any, known: list[str]) -> int:
    """So few that they fit, even if each is as large as all that is read: a packed file may repeat one value."""
    _within(path, "rows", metadata.num_rows, CEILING_ROWS)
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    unpacked_bytes: int = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in known)
    _within(path, "unpacked bytes", unpacked_bytes, CEILING_BYTES)
    return max(1, min(_BATCH_ROWS, CEILING_BYTES // max(1, unpacked_bytes)))


def _spelled_out(batch: Any) -> Any:
    """Without dictionaries: with them a batch does not say how large its rows are."""
    import pyarrow

    for index, field in enumerate(batch.schema):
        if pyarrow.types.is_dictionary(field.type):
            batch = batch.set_column(index, field.name, batch.column(index).dictionary_decode())
    return batch


def _parquet_rows(batch: Any) -> list[dict[str, Any]]:
    import pyarrow

    for index, field in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(field.type):
            # Python's times have no nanoseconds and fewer years: what lies beyond becomes the end, which is too late.
            counts = batch.column(index).cast(pyarrow.int64()).to_pylist()
            values: list[Any] = [None if one is None else _at(one, field.type.unit) for one in counts]
            batch = batch.set_column(index, field.name, pyarrow.array(values, pyarrow.timestamp("us", "UTC")))
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _at(count: int, unit: str) -> datetime:
    return instant_at(count // 1000 if unit == "ns" else count * {"us": 1, "ms": 1000, "s": 1_000_000}[unit])


def _item(row: dict[str, Any], source: str) -> EvidenceItem | str:
    """One row as evidence, or the reason why it cannot be used."""
    for name in (*REQUIRED, *OPTIONAL):
        if isinstance(row.get(name), str) and not is_text(row[name]):
            return f"{name} holds half of a surrogate pair, which is no text"
    for name in ("customer", "seller", "reporter"):
        # 1.0 or True would become the id "1.0" or "True", which nobody has: the real customer would be lost unheard.
        if not isinstance(row.get(name), str | int | None) or isinstance(row.get(name), bool):
            return f"{name} is neither text nor a whole number"
    customer = _text(row.get("customer"))
    kind, grade = _text(row.get("kind")), _text(row.get("grade")) or "G2"
    if customer is None:
        return "no customer"
    if kind not in get_args(EvidenceKind):
        return f"kind is none of {', '.join(get_args(EvidenceKind))}"
    if grade not in get_args(Grade):
        return f"grade is none of {', '.join(get_args(Grade))}"
    times: dict[str, datetime | None] = {}
    for name in ("received_at", "reported_at"):
        value = _instant(row.get(name))
        if isinstance(value, str):
            return f"{name} {value}"
        times[name] = value
    if kind != "decoy" and times["received_at"] is None and times["reported_at"] is None:
        return "neither received_at nor reported_at"
    return EvidenceItem(
        customer=customer,
        kind=kind,  # type: ignore[arg-type]
        received_at=times["received_at"],
        reported_at=times["reported_at"],
        seller=_text(row.get("seller")),
        grade=grade,  # type: ignore[arg-type]
        reporter=_text(row.get("reporter")),
        source=source,
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value).strip()
    return text or None


def _instant(value: Any) -> datetime | str | None:
    """An aware time, None where there is none, or what is wrong with it."""
    if not isinstance(value, datetime):
        text = _text(value)
        if text is None:
            return None
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            return "is not an ISO 8601 time"
    if value.tzinfo is None:
        return "has no zone"
    return value if EARLIEST <= value < LATEST else "lies outside the years 1970 to 9998"


def merged_items(items: Iterable[EvidenceItem]) -> tuple[EvidenceItem, ...]:
    """One item a customer: the earliest mail, the best grade, a decoy before a report; the order of rows is nothing."""
    by_customer: dict[str, list[EvidenceItem]] = {}
    for item in items:
        by_customer.setdefault(item.customer, []).append(item)
    merged = []
    for customer, found in by_customer.items():
        received = [item.received_at for item in found if item.received_at]
        reported = [item.reported_at for item in found if item.reported_at]
        reporters = sorted(item.reporter for item in found if item.reporter)
        kinds = {item.kind for item in found}
        merged.append(
            EvidenceItem(
                customer=customer,
                kind="decoy" if "decoy" in kinds else "report" if "report" in kinds else "listed",
                received_at=min(received, default=None),
                reported_at=min(reported, default=None),
                seller=next((item.seller for item in found if item.seller), None),
                grade=max(item.grade for item in found),
                reporter=reporters[0] if reporters else None,
                source=min(item.source for item in found),
            )
        )
    return tuple(sorted(merged, key=lambda item: (item.received_at or item.reported_at or LAST, item.customer)))
