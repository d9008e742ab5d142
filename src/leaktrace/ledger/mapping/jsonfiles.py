"""Takes JSON logs apart: one value a line, or documents that hold their records in a list, however long it is.

A line that cannot be read is one rejected record. A document that breaks off or is no JSON is a broken file. Values are
built one record at a time.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from leaktrace.ledger.mapping.jsontext import RECORD_CEILING_BYTES, BrokenJsonError, JsonText, decoded
from leaktrace.ledger.mapping.paths import Each, Path, values_at

HEAD_BYTES = 1 << 20
"""Of a file, by which its kind is judged."""
_JUDGED_LINES = 9


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is none, and why."""

    reason: str


def records_of(value: Any, places: Sequence[Path]) -> list[dict[str, Any] | Unreadable]:
    """The records in a value: at the first place that has any; without places it is one itself."""
    found = [value]
    for place in places:
        if type(value) is dict and place.steps and type(place.steps[0]) is str and place.steps[0] not in value:
            found = []  # what most lines are: the record itself, without a wrapping
            continue
        found = values_at(value, place) if place.steps else [value]
        if found:
            break
        if _is_empty_list(value, place):
            return []
    if not found:
        return [Unreadable("nothing stands where the mapping says the records are")]
    return [item if isinstance(item, dict) else Unreadable("the record is not a JSON object") for item in found]


def _is_empty_list(value: Any, place: Path) -> bool:
    """Whether the list that the place names is there and has nothing in it."""
    keys = _leading_keys(place)
    for key in keys or ():
        value = value.get(key) if isinstance(value, dict) else None
    return keys is not None and value == []


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
        value, end = decoded(text)
    except UnicodeDecodeError:
        return Unreadable("the line is not UTF-8")
    except RecursionError:
        return Unreadable("the line is nested deeper than can be read")
    except ValueError:
        return Unreadable("the line is not JSON")
    return value if end == len(text) else Unreadable("the line is not JSON")


def is_ndjson(head: bytes) -> bool:
    """Whether a file that begins so has one value a line: most of its first lines are one, and there are several.

    A log that was cut in two may begin in the middle of a line. A file of one line is a document either way. What may
    be the beginning of a long line is not judged.
    """
    lines = [line for line in head.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip()][:_JUDGED_LINES]
    judged = lines[:-1] if len(lines) < _JUDGED_LINES and len(head) >= HEAD_BYTES else lines
    whole = sum(isinstance(_line_value(line), dict | list) for line in judged)
    return len(lines) > 1 and 2 * whole > len(judged)


# --- documents --------------------------------------------------------------------------------------------


def document_records(stream: IO[bytes], places: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """(number, record) of one or more documents; BrokenJsonError where they are none.

    The list at the first of the places (`Records[*]`, `hits.hits[*]._source`) is read one element at a time; a document
    without that list is read whole and looked through for the other places.
    """
    text = JsonText(stream)
    listed = next((place for place in places if _leading_keys(place) is not None), None)
    keys = (_leading_keys(listed) or ()) if listed is not None else ()
    row = 0
    try:
        while text.peek():
            for record in _document(text, listed, keys, places):
                row += 1
                yield row, record
    except BrokenJsonError as error:
        error.row = row + 1
        raise


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
    text: JsonText, listed: Path | None, keys: tuple[str, ...], places: Sequence[Path]
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


def _elements(text: JsonText) -> Iterator[Any]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",", "]") == "]":
            return


def _members(text: JsonText, keys: tuple[str, ...], found: _Object) -> Iterator[Any]:
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
