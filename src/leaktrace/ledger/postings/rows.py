"""Accesses as the index packs and gives them back: columns of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.postings.layout import Manner
from leaktrace.records import Keys


@dataclass(frozen=True, slots=True)
class PostingRows:
    """Accesses by codes."""

    customer: Keys
    principal: NDArray[np.uint32]
    """Place in `principals`."""
    at: NDArray[np.int64]
    """Microseconds UTC."""
    manner: NDArray[np.uint32]
    """Place in `manners`."""
    principals: Keys
    manners: tuple[Manner, ...]

    def __len__(self) -> int:
        return len(self.customer)

    def kept(self, mask: NDArray[np.bool_]) -> PostingRows:
        """Those rows only."""
        return PostingRows(
            self.customer[mask], self.principal[mask], self.at[mask], self.manner[mask], self.principals, self.manners
        )


def empty_rows() -> PostingRows:
    """No access."""
    nothing = np.zeros(0, dtype=np.uint32)
    return PostingRows(np.zeros(0, np.uint64), nothing, np.zeros(0, np.int64), nothing, np.zeros(0, np.uint64), ())


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that several files share, and how each file's own are turned into them."""

    principals: Keys
    manners: tuple[Manner, ...]
    principal_maps: tuple[NDArray[np.uint32], ...]
    manner_maps: tuple[NDArray[np.uint32], ...]


def shared_codes(files: Sequence[tuple[Keys, tuple[Manner, ...]]]) -> Codes:
    """Principals ascending, manners in order; the same whatever order the files come in."""
    principals = np.unique(np.concatenate([np.zeros(0, np.uint64), *(own for own, _ in files)]))
    manners = tuple(sorted({m for _, own in files for m in own}, key=lambda m: (m.fields, m.tool, m.ticket)))
    place = {manner: code for code, manner in enumerate(manners)}
    return Codes(
        principals,
        manners,
        tuple(np.searchsorted(principals, own).astype(np.uint32) for own, _ in files),
        tuple(np.array([place[m] for m in own], dtype=np.uint32) for _, own in files),
    )


def joined(parts: Sequence[PostingRows]) -> PostingRows:
    """All rows under shared codes, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    codes = shared_codes([(part.principals, part.manners) for part in parts])
    if not parts:
        return empty_rows()
    return under_codes(parts, codes)


def under_codes(parts: Sequence[PostingRows], codes: Codes) -> PostingRows:
    """All rows, one part after the other; `codes` were made of these parts' own, in the same order."""
    return PostingRows(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([own[part.principal] for own, part in zip(codes.principal_maps, parts, strict=True)]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([own[part.manner] for own, part in zip(codes.manner_maps, parts, strict=True)]),
        codes.principals,
        codes.manners,
    )
