"""What must be the same before and after something went wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.stories.desk import Answer, Desk


def answers_of(desk: Desk, *, findings: bool = False) -> tuple[Any, ...]:
    """What a workspace answers, with its first finding where that is asked for (it takes longer)."""
    campaigns = desk.json("campaigns")
    traced = [desk.json("trace", one["campaign"]) for one in campaigns[: int(findings)]]
    return desk.json("ledger", "stats"), campaigns, traced


def files_of(folder: Path) -> set[str]:
    """Every file below a folder, but for the look-up log and what SQLite keeps beside its files while they are open."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


@contextlib.contextmanager
def unharmed(desk: Desk, *, findings: bool = False) -> Iterator[None]:
    """Whatever is done inside: afterwards the workspace opens, answers as before and holds no new file."""
    before = answers_of(desk, findings=findings)
    files = files_of(desk.workspace)
    yield
    assert answers_of(desk, findings=findings) == before
    assert files_of(desk.workspace) == files


@contextlib.contextmanager
def replaced(path: Path, content: bytes | None) -> Iterator[None]:
    """The file holds other bytes for a while, or (null) is not there."""
    whole = path.read_bytes()
    try:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        yield
    finally:
        path.touch(0o600)
        path.write_bytes(whole)


def refused(answer: Answer, *words: str) -> None:
    """Exit code 2, a message that says all these words, a hint."""
    told = answer.error()
    for word in words:
        assert word in told["message"], told
    assert told["message"].endswith("."), told
    assert told["hint"], told
    # One clear sentence: nothing of a library's own words about its inside.
    for foreign in ("Exception", "Error(", "<class", "0x7", "line 0"):
        assert foreign not in told["message"], told
