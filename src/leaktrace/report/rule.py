"""A line across the screen, in hyphens where the screen has no other sign."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.rule import Rule


class DimRule:
    """Rich's own rule without a title keeps its sign on a terminal that has only ASCII, where it is no line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style="dim", characters="-" if options.ascii_only else "─")
