"""JSON is taken apart by an engine: what readers of NDJSON ask of it."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from leaktrace.ledger import staging
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.textfiles import JsonParser


def json_parser(engine: Callable[[], Engine]) -> JsonParser:
    """A parser that asks for the engine when it first needs it; the engine sees names in clear."""

    def names(lines: pa.Table) -> tuple[str, ...]:
        return tuple(str(name) for name in engine().run(staging.json_keys(lines)).column("name").to_pylist())

    return JsonParser(cells=lambda lines, wanted: engine().run(staging.json_cells(lines, wanted)), names=names)
