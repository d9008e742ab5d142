"""Carries out a containment in a process of its own, which a test kills: folder and request on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.response.containing import Clock, Desk
from tests.response.fakes_response import Diary


def main() -> None:
    folder, request = Path(sys.argv[1]), sys.argv[2]
    clock = Clock()
    desk = Desk(folder, "", Diary(clock.now, folder / "diary.ndjson"), clock)
    print("begins", flush=True)
    desk.run(request=request)


if __name__ == "__main__":
    main()
