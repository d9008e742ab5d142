"""Watches the text of a CSV file for a quote that is not closed: such a one swallows rows into one value.

A quoted value may hold line ends (RFC 4180, section 2), so a reader takes all up to the next quotation mark for one
value, and nothing it gives says that rows are gone. A value of several lines is therefore refused, and the file with it

1. where the file ends before its closing quote,
2. where text follows its closing quote: that mark was the opening one of another value,
3. where one of its lines is a whole row of the table by itself: as many values as the header has names, its quotes in
   pairs, and a time where the table's time stands (without one, something where the table must have something),
4. where it has more than `MOST_LINES` line ends: rows whose times cannot be read are swallowed too, and rule 3 does
   not know them.

What is left, a text of a few lines that is closed as it should be, is a value. Rule 3 refuses a text that quotes a row
of the log in full; that one cannot be told from an open quote, and refusing it loses nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from leaktrace.ledger.arrow import arrow
from leaktrace.ledger.compiled import quotes
from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.schema import TableSchema

MOST_LINES = 100
"""Line ends in one quoted value."""
_BOM = b"\xef\xbb\xbf"
_HINT = (
    "A value that begins with a quotation mark ends with one, and a mark inside it is doubled (RFC 4180). Mend that row"
    " (a long text in it goes on one line), then run this again."
)


class QuoteWatch:
    """Sees the bytes of one file in their order; BadFileError as soon as rows may have been swallowed."""

    def __init__(self, path: Path, schema: TableSchema, header: Sequence[str], *, is_packed: bool) -> None:
        self._path, self._is_packed = path, is_packed
        self._column_count = len(header)
        at = [c.name for c in schema.columns if c.required and c.kind == "instant" and c.name in header]
        self._time = header.index(at[0]) if at else None
        self._required = [header.index(name) for name in schema.required_names()]
        self._state = quotes.new_state()
        self._line, self._offset, self._begun = b"", 0, False

    def see(self, block: bytes) -> None:
        """Takes the next bytes."""
        # Lines are looked at in one piece, so the last one waits for its end.
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r") + 1
        if not end:
            self._line += block
            return
        self._walk(self._line + block[:end] if self._line else block[:end])
        self._line = block[end:]

    def finish(self) -> None:
        """Nothing more comes."""
        self._walk(self._line)
        self._line = b""
        if quotes.is_open(self._state):
            raise self._bad("opens a value, and the file ends before it is closed")

    def _walk(self, text: bytes) -> None:
        octets, start = np.frombuffer(text, dtype=np.uint8), 0
        if not self._begun and text.startswith(_BOM):
            start = len(_BOM)
        self._begun = self._begun or bool(text)
        while start < len(text):
            found, line_start, start = quotes.walk(
                octets, start, self._offset, self._state, self._column_count - 1, MOST_LINES
            )
            if found == quotes.CLOSES_IN_TEXT:
                raise self._bad("opens a value of several lines, and more text follows the mark that ends it")
            if found == quotes.TOO_MANY_LINES:
                raise self._bad(f"opens a value of more than {MOST_LINES} lines")
            if found == quotes.MAYBE_A_ROW and self._is_row(text[line_start:start]):
                raise self._bad("opens a value of several lines, one of which is a whole row of the table")
        self._offset += len(text)

    def _is_row(self, line: bytes) -> bool:
        try:
            values = next(csv.reader([line.decode(errors="replace")]), [])
        except csv.Error as error:
            # Nobody can say that it is no row, and a row that is swallowed would be lost in silence.
            raise self._bad(f"opens a value of several lines, one of which cannot be read ({error})") from error
        if len(values) != self._column_count:
            return False
        if self._time is None:
            return all(values[place].strip() for place in self._required)
        try:
            datetime.fromisoformat(values[self._time].strip())
        except ValueError:
            return False
        return True

    def _bad(self, what: str) -> BadFileError:
        row, byte = int(self._state[quotes.ROW]), int(self._state[quotes.OPENED_AT])
        where = f"row {row}" if row else "the header"
        text = " of the unpacked text" if self._is_packed else ""
        return BadFileError(
            f"{self._path}: is a quotation mark not closed? The one in {where}, at byte {byte}{text}, {what}.", _HINT
        )


class WatchedStream:
    """A stream whose bytes are seen by a watch before whoever reads it gets them; it reads like a raw file."""

    def __init__(self, stream: Any, watch: QuoteWatch) -> None:
        self._stream, self._watch = stream, watch
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        """The next bytes, none at the end; BadFileError where the watch refuses them."""
        block: bytes = self._stream.read(count)
        if block:
            self._watch.see(block)
        elif count:
            self._watch.finish()
        return block

    def close(self) -> None:
        """The stream itself is closed by whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """It can be read."""
        return True


def watched(stream: Any, watch: QuoteWatch) -> IO[bytes]:
    """The stream, its bytes seen by the watch on the way."""
    file: IO[bytes] = arrow.PythonFile(WatchedStream(stream, watch), mode="r")
    return file
