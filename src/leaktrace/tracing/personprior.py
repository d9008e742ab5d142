"""A prior from elsewhere: weights of principals in a CSV file, bounded, so that no file decides anything by itself."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.records import to_json

LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0
"""Weights are bounded to this: ten to one is worth some three bits, a name needs some fourteen."""
_COLUMNS = ("principal", "weight")
_HINT = "One row a principal, columns principal and weight; 1 is like everybody else, at most 10, at least 0.1."
_MOST_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class PersonPrior:
    """Weights by principal, relative to 1; whoever is not in it has 1."""

    weights: Mapping[str, float]
    clipped: frozenset[str]
    """Principals whose weight was bounded."""
    digest: str
    """SHA-256 of the file."""


def person_prior_of(weights: Mapping[str, float]) -> PersonPrior:
    """From principal -> weight; UsageError for a weight that is no positive number."""
    for principal, weight in weights.items():
        if not math.isfinite(weight) or weight <= 0.0:
            raise UsageError(f"The weight of {principal!r} is no positive number.", _HINT)
    told = to_json(dict(sorted(weights.items())), indent=None)
    return _bounded(weights, hashlib.sha256(told.encode()).hexdigest())


def read_person_prior(path: Path) -> PersonPrior:
    """From a CSV file; UsageError that names the first bad row (the header is row 0) and why."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path} is larger than {_MOST_BYTES:,} bytes.", _HINT)
        raw = path.read_bytes()
        rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(rows, [])]
        missing = [name for name in _COLUMNS if name not in header]
        if missing:
            raise UsageError(f"{path} has no column {' and no column '.join(missing)}.", _HINT)
        places = (header.index("principal"), header.index("weight"))
        weights: dict[str, float] = {}
        for number, row in enumerate(rows, start=1):
            if row:
                principal, weight = _row(path, number, row, places)
                if principal in weights:
                    raise UsageError(f"{path}: row {number} names a principal that an earlier row has.", _HINT)
                weights[principal] = weight
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8.", _HINT) from error
    return _bounded(weights, hashlib.sha256(raw).hexdigest())


def _row(path: Path, number: int, row: list[str], places: tuple[int, int]) -> tuple[str, float]:
    if len(row) <= max(places):
        raise UsageError(f"{path}: row {number} has too few columns.", _HINT)
    principal, text = (row[place].strip() for place in places)
    if not principal:
        raise UsageError(f"{path}: row {number} has no principal.", _HINT)
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight <= 0.0:
        raise UsageError(f"{path}: row {number} has no positive number as weight.", _HINT)
    return principal, weight


def _bounded(weights: Mapping[str, float], digest: str) -> PersonPrior:
    bounded = {name: min(max(weight, LEAST_WEIGHT), MOST_WEIGHT) for name, weight in weights.items()}
    return PersonPrior(bounded, frozenset(name for name in weights if bounded[name] != weights[name]), digest)
