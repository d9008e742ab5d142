"""The console script. It loads nothing before it can tell an interruption in one line."""

import signal
import sys
from types import FrameType

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Terminated(SystemExit):
    """Somebody ended the program with SIGTERM: what is open is closed on the way out, as with Ctrl-C."""


def run() -> None:
    """Runs the program; leaves with 130 or 143 where somebody interrupts or ends it while it is still loading."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # who starts us may have it ignored
        signal.signal(signal.SIGTERM, _end)
    try:
        from leaktrace.cli.app import run as program

        program()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing was done yet.\n")
        sys.exit(EXIT_INTERRUPTED)
    except Terminated:
        sys.stderr.write("Terminated; nothing was done yet.\n")
        raise


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one does not wait for anything
    raise Terminated(EXIT_TERMINATED)
