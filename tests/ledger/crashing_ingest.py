"""A process that ingests files until it is done or killed: `python crashing_ingest.py LEDGER FILE...`."""

from __future__ import annotations

import sys
from pathlib import Path

from leaktrace.errors import LedgerError
from tests.ledger.small_ledgers import open_ledger


def main() -> int:
    """Says `ready` once the ledger is open, then ingests file after file."""
    try:
        with open_ledger(Path(sys.argv[1])) as ledger:
            print("ready", flush=True)
            for path in sys.argv[2:]:
                ledger.ingest("accesses", [Path(path)])
    except LedgerError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
