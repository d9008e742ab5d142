"""A process that rotates keys until it is told to stop: for each workspace on stdin a child does it, and may be killed.

Says `<pid>` when a child has begun and `ended <status>` when it has ended. One process, so that the program is loaded
once and not for every kill.
"""

from __future__ import annotations

import os
import sys

from leaktrace.cli import main


def serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(main(["-w", line.strip(), "keys", "rotate", "--no-backup", "--json"]))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(f"ended {status}", flush=True)


if __name__ == "__main__":
    serve()
