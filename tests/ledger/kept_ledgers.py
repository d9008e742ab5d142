"""Ledgers for the tests of upkeep: all tables, several months, many small segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from leaktrace.ledger import DuckLedger, Signed
from leaktrace.records import Window
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import KEYRING, Access, keys, open_ledger, pairs, principal, write_accesses, write_text

ALWAYS = Window(None, None)
FIRST = datetime(2024, 11, 3, 8, tzinfo=UTC)
"""The accesses begin here and go on for about five months."""
NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
ANNA = Signed(NOW, "anna", "asked by the customer")
PRINCIPALS = [f"p{n}" for n in range(9)]
CUSTOMERS = [f"c{n}" for n in range(60)]
SMALL = Settings(ingest_memory_megabytes=512, segment_target_rows=1000)


def log(part: int, parts: int = 4, rows: int = 200) -> list[Access]:
    """Accesses of one source file; the files interleave in time and customers."""
    return [
        Access(
            FIRST + timedelta(hours=(17 * n) * 1 + part),
            PRINCIPALS[(n * 5 + part) % len(PRINCIPALS)],
            CUSTOMERS[(n * 7 + part * 13) % len(CUSTOMERS)],
            fields=("email", "phone") if (n + part) % 3 else ("email",),
            tool=(None, "crm", "web")[(n + part) % 3],
            reason=f"T-{n}" if n % 4 else None,
        )
        for n in range(part, rows + part * parts)
    ]


def write_all(folder: Path, parts: int = 4) -> list[tuple[str, Path]]:
    """(table, file) of everything, in the order it is ingested."""
    folder.mkdir(exist_ok=True)
    files = [("accesses", write_accesses(folder / f"log{part}.csv", log(part))) for part in range(parts)]
    for part in range(2):
        everybody = CUSTOMERS[part * 20 : part * 20 + 40]
        files += [
            (
                "customers",
                write_text(
                    folder / f"customers{part}.csv",
                    "customer,email,region,segment\n"
                    + "".join(f"{c},{c}@example.org,r{part},s{n % 3}\n" for n, c in enumerate(everybody)),
                ),
            ),
            (
                "contacts",
                write_text(
                    folder / f"contacts{part}.csv",
                    "at,customer,seller,kind,product\n"
                    + "".join(
                        f"{(FIRST + timedelta(days=n * 4 + part)).isoformat()},{c},seller-{n % 4},order,thing\n"
                        for n, c in enumerate(everybody)
                    ),
                ),
            ),
            (
                "known_elsewhere",
                write_text(
                    folder / f"known{part}.csv",
                    "customer,field,since\n"
                    + "".join(f"{c},email,2024-0{1 + part}-01T00:00:00Z\n" for c in everybody[::5]),
                ),
            ),
        ]
    files.append(("principals", write_text(folder / "people.csv", "principal,team,reports_to\np0,t1,boss\np1,t2,p0\n")))
    return files


def fill(ledger: DuckLedger, files: Sequence[tuple[str, Path]]) -> None:
    """Ingests them one by one."""
    for table, path in files:
        ledger.ingest(table, [path])


def kept_ledger(folder: Path, parts: int = 4) -> DuckLedger:
    """A ledger with all of it, open."""
    ledger = open_ledger(folder / "ledger", settings=SMALL)
    fill(ledger, write_all(folder / "files", parts))
    return ledger


def answers(ledger: DuckLedger, without: Sequence[str] = ()) -> dict[str, object]:
    """What the ledger says to every kind of question, about all customers but these."""
    customers = [name for name in CUSTOMERS if name not in without]
    wanted = keys(customers)
    cutoffs = {int(key): FIRST + timedelta(days=30 + 3 * n) for n, key in enumerate(wanted)}
    people = [principal(name) for name in PRINCIPALS]
    window = Window(FIRST + timedelta(days=11, hours=5), FIRST + timedelta(days=120, hours=3))
    controls = ledger.draw_controls(20, seed=3, near=wanted[:10], exclude=wanted[:5])
    totals = ledger.totals("email", window)
    opened = dict(zip(totals.principal.tolist(), totals.opened_count.tolist(), strict=True))
    uses = ledger.channels(cutoffs, "email", 300)
    table = ledger.customers(wanted)
    hashes = [KEYRING.address_hash(f"{name}@example.org") for name in CUSTOMERS]
    return {
        "exposures": pairs(ledger.exposures(cutoffs, "email", 300)),
        "channels": (uses.labels, uses.customer.tolist()),
        "opened by": pairs(ledger.opened_by(people, "phone", ALWAYS)),
        "sample": pairs(ledger.opened_by(people, "email", ALWAYS, limit=3, seed=5)),
        "fields": ledger.fields_shown(people, window),
        "totals": (opened, totals.customer_count, totals.contacts_count),
        "controls": controls.tolist(),
        "customers": (table.region, table.segment, table.in_table.tolist()),
        "principals": ledger.principals(),
        "contacts": ledger.contacts(np.sort(wanted), "seller-1", NOW).tolist(),
        "known": ledger.known_elsewhere(np.sort(wanted), "email", NOW).tolist(),
        "addresses": ledger.customers_by_address(hashes),
        "names": ledger.customer_names(wanted[:40]),
        "coverage": [ledger.coverage("email", one) for one in (ALWAYS, window)],
    }
