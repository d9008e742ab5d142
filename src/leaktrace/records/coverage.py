"""What a log cannot show, and what may be said in spite of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.records.basics import Window


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """Something the log cannot show, and where."""

    kind: Literal[
        "days_without_rows",
        "tool_stopped",
        "bulk_read",
        "clock_step",
        "unknown_principal",
        "log_starts_late",
        "log_ends_early",
        "no_accesses",
        "unknown_fields",
        "rejected_rows",
        "principal_spellings",
    ]
    tool: str | None
    window: Window
    count: int
    """Days, rows or principals, by kind."""
    sentence: str
    """One plain sentence; names no customer."""
    principals: tuple[str, ...] = ()
    """For bulk reads and principals without a row: who."""
    fields: tuple[str, ...] = ()
    """Fields shown, where known (bulk reads)."""
    serious: bool = True
    """Whether it can hide a source: then nobody may be cleared by this log."""


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """What the log can and cannot show for a window, and the verdict that allows."""

    window: Window
    first_access_at: datetime | None
    last_access_at: datetime | None
    access_count: int
    tools: tuple[str, ...]
    gaps: tuple[CoverageGap, ...]
    allows_nobody: bool
    """Whether "nobody inside" may be said at all."""
    allows_fields_statement: bool
    """Whether "only these fields" may be said at all."""
    sentence: str
