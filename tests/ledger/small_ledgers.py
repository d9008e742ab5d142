"""Small ledgers for tests: rows as Python has them, files of them, and the answers computed the slow, plain way."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.keys import Keyring
from leaktrace.ledger import DuckLedger, answers_of
from leaktrace.records import Exposures, Keys
from leaktrace.settings import Settings

KEYRING = Keyring(b"\x07" * 32, "test workspace")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2025, 3, 1, tzinfo=UTC)
ACCESS_HEADER = "at,principal,customer,fields,action,tool,reason"


@dataclass(frozen=True)
class Access:
    """One access in plain words."""

    at: datetime
    principal: str
    customer: str
    fields: tuple[str, ...] = ("email",)
    action: str | None = "view"
    tool: str | None = "crm"
    reason: str | None = None


def open_ledger(
    folder: Path, keyring: Keyring = KEYRING, settings: Settings | None = None, engine: str = "index"
) -> DuckLedger:
    """The ledger in that folder; small memory, so that tests run beside each other."""
    settings = settings or Settings(ingest_memory_megabytes=512)
    return DuckLedger.open(folder, keyring, settings, answers_of(engine))


def open_files_under(folder: Path) -> list[str]:
    """Files of this folder that the process holds open."""
    held = (str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
    return sorted(name for name in held if name.startswith(str(folder)))


def examples(engine: str, usual: int) -> int:
    """How many examples a property is tried with: a cluster needs a second for what a library does in milliseconds."""
    return max(2, usual // 12) if engine == "spark" else usual


def key(customer: str) -> int:
    """A customer's keyed number."""
    return int(KEYRING.customer_keys([customer])[0])


def keys(customers: Iterable[str]) -> Keys:
    """Customers' keyed numbers, in order."""
    return KEYRING.customer_keys(customers)


def principal(name: str) -> int:
    """A principal's keyed number."""
    return int(KEYRING.principal_keys([name])[0])


def microseconds(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def rows_of(accesses: Sequence[Access]) -> list[dict[str, Any]]:
    """The accesses as rows of a file."""
    return [
        {
            "at": access.at.isoformat(),
            "principal": access.principal,
            "customer": access.customer,
            "fields": ";".join(access.fields),
            "action": access.action,
            "tool": access.tool,
            "reason": access.reason,
        }
        for access in accesses
    ]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A file of rows, in the format and packing that its name says."""
    packing = path.suffix if path.suffix in (".gz", ".zst") else ""
    plain = path.with_name(path.name.removesuffix(packing)) if packing else path
    if plain.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), plain)
    elif plain.suffix == ".csv":
        with plain.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        plain.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    if packing:
        content = plain.read_bytes()
        plain.unlink()
        path.write_bytes(gzip.compress(content) if packing == ".gz" else zstd(content))
    return path


def zstd(content: bytes) -> bytes:
    """Packed bytes."""
    packed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
    return packed


def write_accesses(path: Path, accesses: Sequence[Access]) -> Path:
    """A file of accesses."""
    return write_rows(path, rows_of(accesses))


def write_text(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text, encoding="utf-8")
    return path


def pairs(exposures: Exposures) -> dict[tuple[int, int], int]:
    """(customer, principal) -> first shown at."""
    columns = (exposures.customer.tolist(), exposures.principal.tolist(), exposures.first_shown_at.tolist())
    return {(customer, who): at for customer, who, at in zip(*columns, strict=True)}


def assert_sorted(exposures: Exposures) -> None:
    """By customer, then principal; each pair once."""
    listed = list(zip(exposures.customer.tolist(), exposures.principal.tolist(), strict=True))
    assert listed == sorted(set(listed))


def first_shown(accesses: Iterable[Access], field: str) -> dict[tuple[int, int], int]:
    """The plain answer to `opened_by` over all principals of these accesses."""
    found: dict[tuple[int, int], int] = {}
    for access in accesses:
        if field in access.fields:
            pair = (key(access.customer), principal(access.principal))
            found[pair] = min(found.get(pair, microseconds(access.at)), microseconds(access.at))
    return found


def customers_by_principal(accesses: Iterable[Access], field: str) -> dict[int, int]:
    """The plain answer to `totals`."""
    opened: dict[int, set[int]] = defaultdict(set)
    for customer, who in first_shown(accesses, field):
        opened[who].add(customer)
    return {who: len(customers) for who, customers in opened.items()}


def files_under(folder: Path) -> set[str]:
    """Relative paths of all files but SQLite's own side files and the spill folders."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("ledger.db-") and "spill-" not in str(path)
    }


NOBODY: Keys = np.empty(0, np.uint64)
