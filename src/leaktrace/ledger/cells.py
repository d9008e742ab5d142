"""Judges the cells of a batch: what is stored of each, and why a row cannot be kept.

Pure: columns in, columns and reasons out. A reason names the column and the rule, never the value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.addresses import fold, normalise
from leaktrace.instants import FIRST_MICROSECONDS, LAST_MICROSECONDS
from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, Mask, arrow, bytes_of, compute, mask_of, texts_of
from leaktrace.ledger.compiled.texts import MAY_BE_BLANK, MAY_BREAK, looks_of
from leaktrace.ledger.formats import RejectedRow
from leaktrace.ledger.rawrows import RawBatch
from leaktrace.ledger.redaction import redact, redact_column
from leaktrace.ledger.schema import Column, TableSchema
from leaktrace.records import Keys
from leaktrace.utf8 import is_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_OFFSET = "has no UTC offset"
_NO_TIME = "is not a time in ISO 8601"
_NO_TEXT = "holds half of a surrogate pair, which is no text"
_BEYOND = "lies outside the years 1 to 9999"

KeyMaker = Callable[[ArrowColumn], Keys]
"""Names -> their keyed numbers; remembers which names it has seen."""


@dataclass(frozen=True, slots=True)
class NameRules:
    """How the names of one kind (customers, principals) become numbers."""

    keys: KeyMaker
    barred: frozenset[str] = frozenset()
    """Names whose number another name has already."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Sound rows that are not taken in; their times still say something of the log's clock."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    at: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Microseconds UTC; empty for tables without times."""
    retired_count: int = 0
    """Older than what is kept."""
    forgotten_count: int = 0
    """Of forgotten customers."""


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """What is kept of a batch: stored columns of equal length, in the schema's order without provenance."""

    rows: NDArray[np.int64]
    columns: dict[str, ArrowColumn]
    rejected: tuple[RejectedRow, ...]
    unreadable_address_count: int
    withheld: Withheld = field(default_factory=Withheld)

    def without_forgotten(self, leaves: Mask) -> CheckedBatch:
        """The batch without the rows that the mask marks, which are of forgotten customers."""
        stays, earlier = ~leaves, self.withheld
        columns = {name: column.filter(pa.array(stays)) for name, column in self.columns.items()}
        at = np.asarray(self.columns["at"], dtype=np.int64)[leaves] if "at" in self.columns else earlier.at
        withheld = Withheld(
            np.concatenate([earlier.rows, self.rows[leaves]]),
            np.concatenate([earlier.at, at]),
            earlier.retired_count,
            earlier.forgotten_count + int(leaves.sum()),
        )
        return replace(self, rows=self.rows[stays], columns=columns, withheld=withheld)


class _Problems:
    """The first problem of each row."""

    def __init__(self, count: int) -> None:
        self._codes = np.zeros(count, dtype=np.int16)
        self._reasons: list[str] = []

    def add(self, reason: str, mask: Mask) -> None:
        if mask.any():
            self._reasons.append(reason)
            self._codes[mask & (self._codes == 0)] = len(self._reasons)

    def add_by_text(self, own: _Problems, places: NDArray[np.int64]) -> None:
        """Takes over what was found of each different text; `places`: which text a row has."""
        for number, reason in enumerate(own._reasons):
            self.add(reason, (own._codes == number + 1)[places])

    def good(self) -> Mask:
        return np.equal(self._codes, 0)

    def rejected(self, rows: NDArray[np.int64]) -> tuple[RejectedRow, ...]:
        return tuple(RejectedRow(int(rows[i]), self._reasons[self._codes[i] - 1]) for i in np.flatnonzero(self._codes))


def check(
    raw: RawBatch,
    schema: TableSchema,
    keyring: Keyring,
    names: Mapping[str, NameRules],
    floor_at: int | None = None,
) -> CheckedBatch:
    """What of these rows is kept and what is not; `names` has the rules for customers and principals.

    Sound rows before `floor_at` (microseconds UTC) are withheld before any name of theirs is looked at.
    """
    problems = _Problems(len(raw.rows))
    cells = {
        column.name: _judged(raw.columns.get(column.name), column, problems, keyring, names, len(raw.rows))
        for column in schema.columns
    }
    good = problems.good()
    withheld = Withheld() if floor_at is None else _retired(raw.rows, cells["at"], good, floor_at)
    if withheld.retired_count:
        good = good & ~np.isin(raw.rows, withheld.rows)
    kept = pa.array(good)
    stored: dict[str, ArrowColumn] = {}
    unreadable = 0
    for column in schema.columns:
        values = cells[column.name] if good.all() else cells[column.name].filter(kept)
        if column.beside:
            stored[column.beside] = _words_beside(stored[column.beside], column.name, values)
        elif column.kind == "address":
            exact, folded = _address_hashes(values, keyring)
            unreadable += len(values) - values.null_count - (len(exact) - exact.null_count)
            stored |= dict(zip((n for n, _ in column.stored_columns()), (exact, folded), strict=True))
        elif column.kind in ("customer", "principal"):
            stored[column.stored or column.name] = _keyed(values, names[column.kind].keys)
        else:
            stored[column.stored or column.name] = values
    return CheckedBatch(raw.rows[good], stored, raw.rejected + problems.rejected(raw.rows), unreadable, withheld)


def _retired(rows: NDArray[np.int64], times: ArrowColumn, good: Mask, floor_at: int) -> Withheld:
    at = np.asarray(times.fill_null(floor_at), dtype=np.int64)
    old = good & (at < floor_at)
    return Withheld(rows[old], at[old], int(old.sum()))


def _judged(
    values: ArrowColumn | None,
    column: Column,
    problems: _Problems,
    keyring: Keyring,
    names: Mapping[str, NameRules],
    count: int,
) -> ArrowColumn:
    if values is None:
        values = pa.nulls(count, pa.string())
    if pa.types.is_dictionary(values.type):
        return _judged_by_text(values, column, problems, keyring, names)
    if column.kind == "instant":
        result = _instants(values, column, problems)
    elif column.kind in ("fields", "words"):
        result = _word_sets(values, column, problems, keyring)
    else:
        result = _texts(values, column, problems, keyring, names)
    if column.required:
        problems.add(f"{column.name} is missing", mask_of(compute.is_null(result)))
    return result


def _judged_by_text(
    values: Any, column: Column, problems: _Problems, keyring: Keyring, names: Mapping[str, NameRules]
) -> ArrowColumn:
    """Judges each different text of a column once."""
    texts, own = values.dictionary.cast(pa.string()), _Problems(len(values.dictionary))
    judged = _judged(texts, column, own, keyring, names, len(texts))
    if values.null_count or judged.null_count:
        # A text that is none: rows are judged one by one, for a null among texts is not seen as a null of its rows.
        return _judged(texts.take(values.indices), column, problems, keyring, names, len(values))
    problems.add_by_text(own, np.asarray(values.indices, dtype=np.int64))
    found: ArrowColumn = arrow.DictionaryArray.from_arrays(values.indices, judged)
    return found


def _blank_to_null(values: ArrowColumn) -> ArrowColumn:
    if pa.types.is_string(values.type) and not looks_of(*bytes_of(values.drop_null())) & MAY_BE_BLANK:
        return values
    blank = compute.equal(compute.utf8_length(compute.utf8_trim_whitespace(values)), 0)
    if not compute.any(blank).as_py():
        return values
    kept: ArrowColumn = compute.if_else(blank, pa.scalar(None, pa.string()), values)
    return kept


# --- times --------------------------------------------------------------------------------------------


def _instants(values: ArrowColumn, column: Column, problems: _Problems) -> ArrowColumn:
    """Microseconds since 1970 in UTC, null where missing or unreadable."""
    at: ArrowColumn
    if pa.types.is_timestamp(values.type):
        return _within(_microseconds(values), column, problems)
    values = _blank_to_null(values)
    try:
        at = compute.cast(values, pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        parsed = [_instant(text) for text in values.to_pylist()]
    else:
        return _within(at.cast(pa.int64()), column, problems)
    for reason in (_NO_OFFSET, _NO_TIME):
        problems.add(f"{column.name} {reason}", np.fromiter((p == reason for p in parsed), bool, len(parsed)))
    return _within(pa.array([p if isinstance(p, int) else None for p in parsed], pa.int64()), column, problems)


def _microseconds(values: Any) -> ArrowColumn:
    """Of timestamps; what is too large for microseconds becomes the largest number, which no time has."""
    counts, unit = values.cast(pa.int64()), values.type.unit
    if unit in ("s", "ms"):
        scale = 1_000_000 if unit == "s" else 1000
        most = pa.scalar((2**63 - 1) // scale, pa.int64())
        huge = compute.greater(compute.abs(counts), most)
        return compute.if_else(huge, pa.scalar(2**63 - 1), compute.multiply(counts, scale))  # type: ignore[no-any-return]
    at: ArrowColumn = values.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())
    return at


def _within(at: ArrowColumn, column: Column, problems: _Problems) -> ArrowColumn:
    """The same; in UTC, where an offset may carry a time out of the years that there are."""
    if len(at) > at.null_count:
        ends = compute.min_max(at)
        if ends["min"].as_py() < FIRST_MICROSECONDS or ends["max"].as_py() > LAST_MICROSECONDS:
            beyond = compute.or_(compute.less(at, FIRST_MICROSECONDS), compute.greater(at, LAST_MICROSECONDS))
            problems.add(f"{column.name} {_BEYOND}", mask_of(compute.fill_null(beyond, False)))
    return at


def _instant(text: str | None) -> int | str | None:
    """Microseconds, or the reason why not."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return _NO_TIME
    return _NO_OFFSET if at.utcoffset() is None else (at - _EPOCH) // _MICROSECOND


# --- texts --------------------------------------------------------------------------------------------


def _texts(
    values: ArrowColumn, column: Column, problems: _Problems, keyring: Keyring, names: Mapping[str, NameRules]
) -> ArrowColumn:
    values = _blank_to_null(values)
    if column.kind == "choice":
        values = compute.utf8_lower(compute.utf8_trim_whitespace(values))
        strange = mask_of(
            compute.and_(compute.is_valid(values), compute.invert(compute.is_in(values, pa.array(column.choices))))
        )
        problems.add(f"{column.name} is none of {', '.join(column.choices)}", strange)
        return values
    if column.kind == "label":
        return values
    if column.kind == "text":
        return redact_column(values, keyring)
    # An unclosed quote in CSV swallows rows into one value: then it holds a line break.
    if looks_of(*bytes_of(values.drop_null())) & MAY_BREAK:
        broken = compute.fill_null(compute.match_substring_regex(values, "[\r\n]"), False)
        problems.add(f"{column.name} holds a line break (a quote that is not closed?)", mask_of(broken))
    barred = names[column.kind].barred if column.kind in names else frozenset()
    if barred:
        clash = mask_of(compute.is_in(values, pa.array(sorted(barred))))
        problems.add(f"{column.name} has the same keyed number as another {column.kind}; they cannot be kept", clash)
    return values


def _keyed(values: ArrowColumn, keys: KeyMaker) -> ArrowColumn:
    if values.null_count == 0:
        return pa.array(keys(values))
    valid = mask_of(compute.is_valid(values))
    numbers = np.zeros(len(values), dtype=np.uint64)
    numbers[valid] = keys(values.drop_null())
    return pa.array(numbers, mask=~valid)


def _address_hashes(values: ArrowColumn, keyring: Keyring) -> tuple[ArrowColumn, ArrowColumn]:
    exact, folded = list[bytes | None](), list[bytes | None]()
    for address in values.to_pylist():
        normal = normalise(address) if address is not None else None
        loose = fold(address) if normal is not None and address is not None else None
        exact.append(keyring.address_hash(normal) if normal is not None else None)
        folded.append(exact[-1] if loose == normal or loose is None else keyring.address_hash(loose))
    return pa.array(exact, pa.binary()), pa.array(folded, pa.binary())


# --- sets of words ------------------------------------------------------------------------------------


def _word_sets(values: ArrowColumn, column: Column, problems: _Problems, keyring: Keyring) -> ArrowColumn:
    """`a;b;c`, a list, or a list in JSON -> the words sorted, each once, joined by semicolons."""
    if pa.types.is_list(values.type):
        joined = compute.binary_join(values, ";")
        holed = mask_of(compute.and_(compute.is_valid(values), compute.is_null(joined)))
        problems.add(f"{column.name} has an empty entry", holed)
        values = joined
    encoded = values.dictionary_encode()
    lists = [_words_in(text) for text in texts_of(encoded.dictionary)]
    broken = np.array([not is_text("".join(words)) for words in lists], dtype=bool)
    if broken.any():
        places = np.asarray(encoded.indices.fill_null(0))
        problems.add(f"{column.name} {_NO_TEXT}", broken[places] & mask_of(compute.is_valid(values)))
        lists = [[] if bad else words for words, bad in zip(lists, broken.tolist(), strict=True)]
    canonical = pa.array([_canonical(words, column.kind, keyring) for words in lists], pa.string())
    return canonical.take(encoded.indices)


def _words_in(text: str) -> list[str]:
    return _json_words(text) if text.lstrip().startswith("[") else text.split(";")


def _canonical(words: Sequence[str], kind: str, keyring: Keyring) -> str | None:
    kept = {redact(word.strip(), keyring) for word in words} - {""}
    if kind == "words":
        kept = {word.lower() for word in kept}
    return ";".join(sorted(kept)) or None


def _words_beside(kept: ArrowColumn, name: str, values: ArrowColumn) -> ArrowColumn:
    """The column `kept` with the words of another one, each behind that one's name and a colon."""
    if values.null_count == len(values):
        return kept
    rows = []
    for before, added in zip(kept.to_pylist(), values.to_pylist(), strict=True):
        words = [f"{name}:{word}" for word in (added or "").split(";") if word]
        rows.append(";".join([*((before or "").split(";") if before else []), *words]) or None)
    return pa.array(rows, pa.string())


def words_apart(text: str | None, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The way back: words of each of these names; those behind no name are under the empty one."""
    found: dict[str, list[str]] = {"": [], **{name: [] for name in names}}
    for word in (text or "").split(";"):
        name, colon, rest = word.partition(":")
        if colon and name in names:
            found[name].append(rest)
        elif word:
            found[""].append(word)
    return {name: tuple(words) for name, words in found.items()}


def _json_words(text: str) -> list[str]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return text.split(";")
    return [word for item in listed if isinstance(item, str) for word in item.split(";")]
