"""Takes CSV logs apart (RFC 4180, with the delimiter and the header that the mapping says)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO, Any

from leaktrace.ledger.csvlines import RECORD_CEILING_CHARACTERS, RecordLines, TooLongError
from leaktrace.ledger.mapping.jsonfiles import Unreadable
from leaktrace.ledger.mapping.model import CsvShape


class BrokenCsvError(Exception):
    """The file is no CSV from this row on."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row, self.what = row, what


def csv_records(stream: IO[bytes], shape: CsvShape) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """(row number, record), empty cells left out; the row after the header is 1. BrokenCsvError where it is no CSV."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    lines = RecordLines(text)
    records = csv.reader(lines, delimiter=shape.delimiter, strict=True)
    row = 0 if shape.header else -1  # of the record before
    try:
        header = list(shape.header) or next(records, [])
        _check(header)
        row = 0
        lines.next_record()
        for cells in records:
            lines.next_record()
            if not cells:
                continue
            row += 1
            if len(cells) == len(header):
                yield row, {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            else:
                yield row, Unreadable(f"the row has {len(cells)} values, the header {len(header)} names")
    except csv.Error as error:
        raise BrokenCsvError(row + 1, "it is no CSV: a quote is not closed, or a value is too long") from error
    except TooLongError as error:
        raise BrokenCsvError(row + 1, f"it is longer than {RECORD_CEILING_CHARACTERS} characters") from error
    except UnicodeDecodeError as error:
        raise BrokenCsvError(max(row, 0) + 1, "it is not UTF-8") from error  # text is decoded ahead of its rows
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _check(header: list[str]) -> None:
    if not header:
        raise BrokenCsvError(0, "it is empty, and should begin with the names of its columns")
    if len(set(header)) < len(header):
        raise BrokenCsvError(0, "a column is there more than once")
