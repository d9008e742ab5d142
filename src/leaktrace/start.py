"""The console script. It loads nothing before it can tell an interruption in one line."""

import sys

EXIT_INTERRUPTED = 130


def run() -> None:
    """Runs the program; leaves with 130 where somebody interrupts it while it is still loading."""
    try:
        from leaktrace.cli.app import run as program

        program()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing was done yet.\n")
        sys.exit(EXIT_INTERRUPTED)
