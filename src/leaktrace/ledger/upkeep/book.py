"""What the upkeep writes down in the catalogue: forgotten customers, kept months, legal holds, acts.

A forgotten customer stands here as a keyed number, never as a name. Two names share a number with a chance of about
2^-64 a pair; a customer who shared one with a forgotten customer would not be taken in, and be counted as withheld.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalog import Catalog
from leaktrace.records import Keys, LedgerAct, LegalHold


@dataclass(frozen=True, slots=True)
class Signed:
    """Who does something to the ledger, when and why."""

    at: datetime
    who: str
    why: str = ""

    def at_text(self) -> str:
        """ISO 8601 in UTC."""
        return self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Hold:
    """A case's hold on one customer; without key: on every customer."""

    case: str
    key: int | None
    at: str
    who: str


class Book:
    """Reads and writes it; a method that writes is part of the transaction that is open, else one of its own."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def forgotten(self) -> Keys:
        """Sorted numbers of the customers who may not come back."""
        return _keys(self._catalog.rows("SELECT key FROM forgotten"))

    def forget(self, keys: Keys) -> None:
        """From now on these customers' rows are not taken in."""
        with self._catalog.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?)", [(_signed(int(k)),) for k in keys])

    def floors(self) -> dict[str, int]:
        """Table -> first month (year * 12 + month - 1) that is kept; none where everything is."""
        return {str(t): int(str(m)) for t, m in self._catalog.rows("SELECT table_name, month FROM floors ORDER BY 1")}

    def raise_floor(self, table: str, month: int) -> None:
        """From now on rows of earlier months are not taken in."""
        with self._catalog.writing() as connection:
            connection.execute(
                "INSERT INTO floors VALUES (?1, ?2) ON CONFLICT (table_name) DO UPDATE SET month = max(month, ?2)",
                (table, month),
            )

    # --- legal holds ----------------------------------------------------------------------------------

    def holds(self) -> tuple[Hold, ...]:
        """All that are in force, by case."""
        rows = self._catalog.rows("SELECT case_name, key, at, who FROM holds ORDER BY case_name, key")
        return tuple(Hold(str(c), None if k is None else int(str(k)) % 2**64, str(a), str(w)) for c, k, a, w in rows)

    def hold(self, case: str, keys: Iterable[int] | None, signed: Signed) -> None:
        """Puts customers on hold for a case; None: every customer. One that the case holds already stays as it was."""
        wanted = [None] if keys is None else [_signed(key) for key in keys]
        with self._catalog.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO holds VALUES (?, ?, ?, ?)",
                [(case, key, signed.at_text(), signed.who) for key in wanted],
            )
            for key in wanted:
                self.write_act("hold", case, None if key is None else key % 2**64, {}, signed)

    def release(self, case: str, signed: Signed) -> int:
        """Ends a case's holds; how many there were."""
        with self._catalog.writing() as connection:
            count = connection.execute("DELETE FROM holds WHERE case_name = ?", (case,)).rowcount
            if count:
                self.write_act("release", case, None, {}, signed)
        return int(count)

    # --- acts -----------------------------------------------------------------------------------------

    def write_act(
        self, what: str, subject: str, key: int | None, row_counts: Mapping[str, int], signed: Signed
    ) -> None:
        """Adds an act to the record; SQLite itself refuses to change or remove one."""
        with self._catalog.writing() as connection:
            connection.execute(
                "INSERT INTO acts (at, who, what, subject, key, row_counts, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    signed.at_text(), signed.who, what, subject, None if key is None else _signed(key),
                    json.dumps(dict(row_counts), sort_keys=True), signed.why,
                ),
            )  # fmt: skip

    def acts(self) -> tuple[LedgerAct, ...]:
        """All acts, in the order they were done."""
        rows = self._catalog.rows("SELECT at, who, what, subject, key, row_counts, why FROM acts ORDER BY id")
        return tuple(
            LedgerAct(
                str(at), str(who), str(what), str(subject), None if key is None else hexadecimal(int(str(key))),
                json.loads(str(counts)), str(why),
            )
            for at, who, what, subject, key, counts, why in rows
        )  # fmt: skip


def shown(holds: Iterable[Hold]) -> tuple[LegalHold, ...]:
    """Holds as other rooms see them."""
    return tuple(
        LegalHold(one.case, None if one.key is None else hexadecimal(one.key), one.at, one.who) for one in holds
    )


def demand_free(holds: Sequence[Hold], keys: Iterable[int], what: str) -> None:
    """Raises LedgerError with the names of the cases that hold any of these customers."""
    wanted = set(keys)
    cases = sorted({hold.case for hold in holds if hold.key is None or hold.key in wanted})
    if cases:
        named = ", ".join(f"'{case}'" for case in cases)
        many = "s" if len(cases) > 1 else ""
        raise LedgerError(
            f"{what} is refused: the legal hold{many} of case{many} {named} {'need' if many else 'needs'} these rows.",
            "Nothing was changed. When a case no longer needs them: leaktrace case hold CASE --release; where nobody "
            "is enrolled, leaktrace ledger release CASE.",
        )


def hexadecimal(key: int) -> str:
    """A keyed number as it is shown."""
    return f"{key % 2**64:016x}"


def _signed(key: int) -> int:
    """SQLite has signed 64-bit numbers only."""
    return key - 2**64 if key >= 2**63 else key


def _keys(rows: Iterable[tuple[object, ...]]) -> Keys:
    return np.sort(np.array([int(str(key)) % 2**64 for (key,) in rows], dtype=np.uint64))
