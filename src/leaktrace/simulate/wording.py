"""The names, places and sentences of the simulated world, read from the files in `texts/`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from leaktrace.simulate.model import Place


@cache
def wording(name: str) -> Any:
    """The JSON document `texts/<name>.json`."""
    return json.loads(files("leaktrace.simulate").joinpath("texts", f"{name}.json").read_text(encoding="utf-8"))


def places(count: int) -> tuple[Place, ...]:
    """The first so many regions."""
    return tuple(
        Place(
            row["name"],
            row["jurisdiction"],
            row["locale"],
            row["people"],
            row["offset_minutes"],
            float(row["weight"]),
            tuple(row["sites"]),
        )
        for row in wording("places")["regions"][:count]
    )


def place_count() -> int:
    """How many regions there are to choose from."""
    return len(wording("places")["regions"])
