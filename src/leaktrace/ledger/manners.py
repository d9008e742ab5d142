"""Codes for what an access showed and how: fields, tool and the type of its ticket."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.ledger.arrow import ArrowColumn, bytes_of, compute, mask_of, taken
from leaktrace.ledger.compiled.codes import distinct_codes
from leaktrace.ledger.compiled.texts import ticket_letters
from leaktrace.ledger.postings import Manner
from leaktrace.ledger.schema import TICKET

_UNSURE = np.uint64(2**64 - 1)


class Manners:
    """Gives each different manner a code, the same over all batches of a source."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str, str], int] = {}

    def all(self) -> tuple[Manner, ...]:
        """Those seen so far, by their codes."""
        return tuple(Manner(*key) for key in self._codes)

    def codes(
        self,
        fields_labels: Sequence[str | None],
        tool_labels: Sequence[str | None],
        fields: NDArray[np.int64],
        tool: NDArray[np.int64],
        reason: ArrowColumn,
    ) -> NDArray[np.uint32]:
        """A code for each row."""
        tickets, ticket = ticket_types(reason)
        joined = (ticket * len(tool_labels) + tool) * len(fields_labels) + fields
        used, places = distinct_codes(joined)
        own = []
        for code in used.tolist():
            rest, field = divmod(code, len(fields_labels))
            kind, used_tool = divmod(rest, len(tool_labels))
            key = (fields_labels[field] or "", tool_labels[used_tool] or "", tickets[kind])
            own.append(self._codes.setdefault(key, len(self._codes)))
        codes: NDArray[np.uint32] = np.array(own, dtype=np.uint32)[places]
        return codes


def ticket_types(reason: ArrowColumn) -> tuple[list[str], NDArray[np.int64]]:
    """(types, place of each row's type among them); the empty type where a reason is no ticket's number."""
    types, letters = [""], np.zeros(len(reason), dtype=np.uint64)
    plain = reason.cast(pa.string())
    valid = mask_of(compute.is_valid(plain))
    letters[valid] = ticket_letters(*bytes_of(plain.drop_null()))
    places = np.zeros(len(reason), dtype=np.int64)
    for code in np.unique(letters[(letters != 0) & (letters != _UNSURE)]):
        types.append(int(code).to_bytes(8, "little").rstrip(b"\0").decode("ascii"))
        places[letters == code] = len(types) - 1
    unsure = np.flatnonzero(letters == _UNSURE)
    if len(unsure):
        found = compute.struct_field(
            compute.extract_regex(taken(plain, unsure), TICKET.replace("(", "(?P<kind>", 1)), "kind"
        )
        for place, text in zip(unsure, found.to_pylist(), strict=True):
            if text:
                if text not in types:
                    types.append(text)
                places[place] = types.index(text)
    return types, places
