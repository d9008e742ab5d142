"""What is said after customers were forgotten."""

from __future__ import annotations

import io

from rich.console import Console

from leaktrace.records import Erasure
from leaktrace.report import render_erasure


def told(found: Erasure) -> str:
    console = Console(width=300, file=io.StringIO())
    with console.capture() as captured:
        console.print(render_erasure(found))
    return captured.get()


def test_cases_that_still_know_somebody_are_named_with_what_to_do() -> None:
    whole = told(Erasure(1, {"accesses": 3}, 1, 0))
    assert "Still known" not in whole
    held = told(Erasure(1, {"accesses": 3}, 1, 0, ("K-1", "K-2")))
    assert "Still known in K-1 and K-2" in held
    for step in ("counsel", "tell the person", "case note", "delete the workspace"):
        assert step in held
