"""Writes expected.json: what each statement showed to whom, from what the sessions said while they ran."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def customers_meant(words: list[str], table: list[dict[str, str]]) -> list[str]:
    """Ids, ALL, or REGION:name -> ids."""
    if words == ["ALL"]:
        return [row["customer_id"] for row in table]
    if words[0].startswith("REGION:"):
        return [row["customer_id"] for row in table if row["region"] == words[0].removeprefix("REGION:")]
    return words


def main(shown: Path, folder: Path) -> None:
    """One line of `shown`: role, SQLSTATE, rows (psql counts none for COPY), action, picked by, fields, customers."""
    with (folder / "customers_table.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    statements = []
    emails: dict[str, set[str]] = {}
    for line in shown.read_text(encoding="utf-8").splitlines():
        role, sqlstate, row_count, action, picked_by, fields, *words = line.split()
        if sqlstate != "00000" or (int(row_count) < 1 and action != "export"):
            sys.exit(f"said to show something, but the server gave no row: {line}")
        customers = customers_meant(words, table)
        statements.append(
            {
                "principal": role,
                "action": action,
                "picked_by": picked_by,
                "fields": sorted(fields.split(";")),
                "customers": customers,
            }
        )
        if "email" in fields.split(";"):
            emails.setdefault(role, set()).update(customers)
    expected = {
        "email_shown": {role: sorted(customers) for role, customers in sorted(emails.items())},
        "statements": statements,
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
