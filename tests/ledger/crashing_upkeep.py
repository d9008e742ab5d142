"""A process that keeps a ledger up until it is done or killed: `python crashing_upkeep.py LEDGER ACT [NAME...]`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from leaktrace.errors import LedgerError
from leaktrace.ledger import DuckLedger
from tests.ledger.kept_ledgers import ALWAYS, ANNA, PRINCIPALS, SMALL
from tests.ledger.small_ledgers import open_ledger, principal


class _Stop:
    """Whether somebody asked the process to end."""

    asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def read(ledger: DuckLedger) -> int:
    """Asks until it is told to stop; how often it was answered. Rows only ever become more."""
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop)
    people = [principal(name) for name in PRINCIPALS]
    answered, most = 0, 0
    while not stop.asked:
        found = ledger.opened_by(people, "email", ALWAYS)
        ledger.customer_names(found.customer[:3])
        assert len(found.customer) >= most
        answered, most = answered + 1, len(found.customer)
    return answered


def main() -> int:
    """Says `ready` once the ledger is open, then acts."""
    folder, act, *names = sys.argv[1:]
    try:
        with open_ledger(Path(folder), settings=SMALL) as ledger:
            print("ready", flush=True)
            if act == "read":
                print(read(ledger), flush=True)
            elif act == "compact":
                ledger.upkeep().compact()
            elif act == "forget":
                ledger.upkeep().forget(names, ANNA)
            elif act == "retain":
                ledger.upkeep().retain("accesses", ANNA, before=names[0], done=True)
    except LedgerError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
