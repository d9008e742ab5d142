"""Takes JSON logs apart: one value a line, or documents that hold their records in a list, however long it is.

A line that cannot be read is one rejected record. A document that breaks off or is no JSON is a broken file. Values are
built one record at a time (RFC 8259); NaN and Infinity, which RFC 8259 does not have, are refused.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from leaktrace.ledger.mapping.paths import Each, Path, values_at

RECORD_CEILING_BYTES = 8_000_000
"""A longer record is rejected; in a document, where its end cannot be known, it breaks the file."""
_BLOCK_BYTES = 1 << 20
_JUDGED_LINES = 9
_WHITE = re.compile(r"[ \t\n\r]*")


class BrokenJsonError(Exception):
    """The document is no JSON from this byte on."""

    def __init__(self, byte: int, what: str) -> None:
        super().__init__(what)
        self.byte, self.what = byte, what


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is none, and why."""

    reason: str


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


_decoder = json.JSONDecoder(parse_constant=_refuse)


def records_of(value: Any, places: Sequence[Path]) -> list[dict[str, Any] | Unreadable]:
    """The records in a value: at the first place that has any; without places it is one itself."""
    found = [value]
    for place in places:
        found = values_at(value, place) if place.steps else [value]
        if found:
            break
    if not found:
        return [Unreadable("nothing stands where the mapping says the records are")]
    return [item if isinstance(item, dict) else Unreadable("the record is not a JSON object") for item in found]


# --- one value a line -------------------------------------------------------------------------------------


def ndjson_records(stream: IO[bytes], places: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """(line number, record); a line may hold several records, a blank line holds none."""
    row = 0
    while line := stream.readline(RECORD_CEILING_BYTES):
        row += 1
        if len(line) == RECORD_CEILING_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(RECORD_CEILING_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield row, Unreadable(f"the line is longer than {RECORD_CEILING_BYTES} bytes")
            continue
        if row == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.isspace() or not line:
            continue
        value = _line_value(line)
        if isinstance(value, Unreadable):
            yield row, value
        else:
            for record in records_of(value, places):
                yield row, record


def _line_value(line: bytes) -> Any:
    try:
        text = line.decode("utf-8").strip(" \t\r\n")
        value, end = _decoder.raw_decode(text)
    except UnicodeDecodeError:
        return Unreadable("the line is not UTF-8")
    except RecursionError:
        return Unreadable("the line is nested deeper than can be read")
    except ValueError:
        return Unreadable("the line is not JSON")
    return value if end == len(text) else Unreadable("the line is not JSON")


def is_ndjson(head: bytes) -> bool:
    """Whether a file that begins so has one value a line: most of its first lines are one, and there are several.

    A log that was cut in two may begin in the middle of a line. A file of one line is a document either way.
    """
    lines = [line for line in head.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip()][:_JUDGED_LINES]
    whole = sum(isinstance(_line_value(line), dict | list) for line in lines)
    return len(lines) > 1 and 2 * whole > len(lines)


# --- documents --------------------------------------------------------------------------------------------


def document_records(stream: IO[bytes], places: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """(number, record) of one or more documents; BrokenJsonError where they are none.

    The list at the first of the places (`Records[*]`, `hits.hits[*]._source`) is read one element at a time; a document
    without that list is read whole and looked through for the other places.
    """
    text = _Text(stream)
    listed = next((place for place in places if _leading_keys(place) is not None), None)
    keys = (_leading_keys(listed) or ()) if listed is not None else ()
    row = 0
    while text.peek():
        for record in _document(text, listed, keys, places):
            row += 1
            yield row, record


def _leading_keys(place: Path) -> tuple[str, ...] | None:
    """The keys before a path's first `[*]`; None where it begins otherwise."""
    keys: list[str] = []
    for step in place.steps:
        if isinstance(step, Each):
            return tuple(keys)
        if not isinstance(step, str):
            return None
        keys.append(step)
    return None


@dataclass(slots=True)
class _Object:
    """What an object has besides the list that is looked for."""

    members: dict[str, Any]
    has_list: bool = False


def _document(
    text: _Text, listed: Path | None, keys: tuple[str, ...], places: Sequence[Path]
) -> Iterator[dict[str, Any] | Unreadable]:
    rest = places if listed is None else (_after_each(listed, keys),)
    if text.peek() == "[":
        for element in _elements(text):
            yield from records_of(element, places if keys else rest)
        return
    if listed is None or text.peek() != "{":
        yield from records_of(text.value(), places)
        return
    found = _Object({})
    for element in _members(text, keys, found):
        yield from records_of(element, rest)
    if not found.has_list:
        yield from records_of(found.members, places)


def _after_each(place: Path, keys: tuple[str, ...]) -> Path:
    start = len(keys) + 1
    return Path(place.text, place.steps[start:], place.joined[start:])


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",", "]") == "]":
            return


def _members(text: _Text, keys: tuple[str, ...], found: _Object) -> Iterator[Any]:
    """The elements of the list below these keys; what else the object has goes into `found`."""
    text.take("{")
    if text.peek() == "}":
        text.take("}")
        return
    size = 0
    while True:
        name = text.value()
        if not isinstance(name, str):
            raise BrokenJsonError(text.byte(), "a name of an object is not a text")
        text.take(":")
        following = text.peek()
        if keys and name == keys[0] and following == "[" and len(keys) == 1:
            found.has_list = True
            yield from _elements(text)
        elif keys and name == keys[0] and following == "{" and len(keys) > 1:
            below = _Object({})
            yield from _members(text, keys[1:], below)
            found.has_list |= below.has_list
            found.members[name] = below.members
        else:
            before = text.taken()
            found.members[name] = text.value()
            size += text.taken() - before
            if size > RECORD_CEILING_BYTES:
                raise BrokenJsonError(text.byte(), f"a record is longer than {RECORD_CEILING_BYTES} bytes")
        if text.take(",", "}") == "}":
            return


class _Text:
    """The text of a stream, read as far as it is needed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer, self._position, self._byte, self._dropped = "", 0, 0, 0
        self._ended = False

    def taken(self) -> int:
        """How many characters were taken."""
        return self._dropped + self._position

    def byte(self) -> int:
        """How many bytes of the plain text were taken."""
        return self._byte + len(self._buffer[: self._position].encode("utf-8", "surrogatepass"))

    def _more(self) -> None:
        self._byte = self.byte()
        block = self._stream.read(_BLOCK_BYTES)
        try:
            fresh = self._decode.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise BrokenJsonError(self._byte, "the text that follows is not UTF-8") from error
        self._ended = not block
        self._dropped += self._position
        self._buffer, self._position = self._buffer[self._position :] + fresh, 0

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            match = _WHITE.match(self._buffer, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if self._ended:
                return ""
            self._more()

    def take(self, *signs: str) -> str:
        """The next character, which must be one of these."""
        sign = self.peek()
        if sign not in signs:
            what = f"{' or '.join(signs)} is missing" if sign else "it breaks off"
            raise BrokenJsonError(self.byte(), what)
        self._position += 1
        return sign

    def value(self) -> Any:
        """The next value."""
        if not self.peek():
            raise BrokenJsonError(self.byte(), "it breaks off")
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._position)
            except RecursionError as error:
                raise BrokenJsonError(self.byte(), "it is nested deeper than can be read") from error
            except ValueError as error:
                if self._ended:
                    raise BrokenJsonError(self.byte(), "it is no JSON, or breaks off") from error
            else:
                if end < len(self._buffer) or self._ended:  # a number at the buffer's end may go on
                    self._position = end
                    return value
            if len(self._buffer) - self._position > RECORD_CEILING_BYTES:
                raise BrokenJsonError(self.byte(), f"no value ends within {RECORD_CEILING_BYTES} bytes")
            self._more()
