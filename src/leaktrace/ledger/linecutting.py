"""Where the complete lines of a growing text end. Pure: bytes in, positions out."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leaktrace.errors import LedgerError
from leaktrace.ledger.quotewatch import MOST_LINES
from leaktrace.ledger.rawrows import BLOCK_BYTES

Cut = Callable[[bytes, int], int]
"""(text, at most so many bytes of it) -> how many of them are complete records."""
NOT_UTF8 = "the line is not UTF-8"
CONTINUED = "its beginning was taken earlier as a row of its own"


def cut_lines(text: bytes, end: int) -> int:
    """Up to the last line end."""
    return text.rfind(b"\n", 0, end) + 1


def cut_quoted(text: bytes, end: int) -> int:
    """Up to the last line end that no quote encloses (RFC 4180, section 2: quotes come in pairs)."""
    at = cut_lines(text, end)
    quotes = text.count(b'"', 0, at)
    while at and quotes % 2:
        before = cut_lines(text, at - 1)
        quotes -= text.count(b'"', before, at)
        at = before
    return at


class LineBuffer:
    """Holds lines until they are taken; an incomplete last one waits for its end."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._whole = bytearray()
        self._rest = b""
        self.line_count = 0
        """Complete lines waiting."""
        self.since: float | None = None
        """When the first of them came."""

    @property
    def whole_bytes(self) -> int:
        """Length of the complete lines."""
        return len(self._whole)

    @property
    def rest_bytes(self) -> int:
        """Length of the incomplete line."""
        return len(self._rest)

    def feed(self, chunk: bytes, now: float) -> None:
        """Takes the next bytes; LedgerError where one record is longer, or has more lines, than any reader takes."""
        text = self._rest + chunk
        cut = self._cut(text, len(text))
        self._keep(text[:cut], now)
        self._rest = text[cut:]
        if len(self._rest) > BLOCK_BYTES:
            raise LedgerError(
                f"The line after the next {self.line_count} is longer than {BLOCK_BYTES} bytes.",
                "Is a quote not closed, or is the file of another format? Mend it, or say --format.",
            )
        if self._rest.count(b"\n") > MOST_LINES:
            # Waiting for a quote that nobody closes would hold all further rows back, and nobody would hear of it.
            raise LedgerError(
                f"The record after the next {self.line_count} lines is longer than {MOST_LINES} lines.",
                "Is a quotation mark not closed? Mend it: one that begins a value also ends it, one inside is doubled.",
            )

    def finish(self, now: float) -> None:
        """Nothing more comes: the last line is as complete as it will be."""
        rest, self._rest = self._rest, b""
        self._keep(rest, now)

    def _keep(self, text: bytes, now: float) -> None:
        if text:
            self._whole += text
            self.line_count += _lines(text)
            self.since = now if self.since is None else self.since

    def take(self, most_lines: int) -> bytes:
        """The complete lines, at most about so many: records are never cut."""
        end = self._end_of(most_lines) if self.line_count > most_lines else len(self._whole)
        taken = bytes(self._whole[:end])
        del self._whole[:end]
        self.line_count -= _lines(taken)
        if not self._whole:
            self.since = None
        return taken

    def _end_of(self, line_count: int) -> int:
        text, end = bytes(self._whole), 0
        for _ in range(line_count):
            end = text.find(b"\n", end) + 1
        while end < len(text) and self._cut(text, end) != end:
            end = text.find(b"\n", end) + 1 or len(text)
        return end


def _lines(text: bytes) -> int:
    return text.count(b"\n") + (bool(text) and not text.endswith(b"\n"))


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a CSV text."""

    text: bytes
    column_count: int


def header_of(text: bytes) -> Header | None:
    """The header with blank lines before it; None while it is not complete. UnicodeDecodeError passes.

    LedgerError where a name is longer than any reader takes.
    """
    end = quotes = 0
    begun = False
    while following := text.find(b"\n", end) + 1:
        line, end = text[end:following], following
        quotes += line.count(b'"')
        begun = begun or bool(line.strip(b"\r\n\xef\xbb\xbf"))
        if begun and quotes % 2 == 0:
            return Header(text[:end], len(names_of(text[:end].decode("utf-8-sig"))))
    return None


def names_of(text: str) -> list[str]:
    """The first record of a CSV text that is not blank; none where there is none. LedgerError where no reader takes
    it.
    """
    try:
        return next((record for record in csv.reader(io.StringIO(text, newline="")) if record), [])
    except csv.Error as error:
        raise LedgerError(
            f"Row 0, the header, cannot be read: {error}.",
            "Is a quotation mark not closed, or is the file of another format? Mend it, or say --format.",
        ) from error


def without_unreadable(lines: bytes, cut: Cut, stand_in: bytes, *, continues: bool) -> tuple[bytes, dict[int, str]]:
    """The lines with a stand-in for each that no reader may see, and the reasons by row.

    Rows are counted as readers count them: in CSV (where the stand-in is commas) blank lines are none. `continues`: the
    first is the end of a line whose beginning was taken before.
    """
    with contextlib.suppress(UnicodeDecodeError):
        lines.decode()
        if not continues:
            return lines, {}
    counts_blank = cut is cut_lines
    kept, reasons, row = bytearray(), dict[int, str](), 0
    for number, record in enumerate(_records(lines, cut)):
        blank = not record.strip(b"\r\n")
        row += counts_blank or not blank
        reason = CONTINUED if continues and number == 0 and not blank else _unreadable(record)
        if reason:
            reasons[row] = reason
        kept += stand_in + b"\n" if reason else record
    return bytes(kept), reasons


def _records(lines: bytes, cut: Cut) -> Iterator[bytes]:
    start = end = 0
    while start < len(lines):
        end = lines.find(b"\n", end) + 1 or len(lines)
        part = lines[start:end]
        if end == len(lines) or cut(part, len(part)) == len(part):
            yield part
            start = end


def _unreadable(record: bytes) -> str:
    try:
        record.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    return ""
