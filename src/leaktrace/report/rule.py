"""A line across the screen, in hyphens where the screen has no other sign."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.rule import Rule

_WIDEST_WITHOUT_A_SCREEN = 80


class DimRule:
    """Rich's own rule without a title keeps its sign on a terminal that has only ASCII, where it is no line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width if console.is_terminal else min(options.max_width, _WIDEST_WITHOUT_A_SCREEN)
        rule = Rule(style="dim", characters="-" if options.ascii_only else "─")
        yield from console.render(rule, options.update_width(width))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """It is as wide as there is room, and asks for none: else what is piped begins with a line of 10,000 signs."""
        return Measurement(1, 1)
