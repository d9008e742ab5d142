"""The names of the mail book's campaigns: what people see, kept when campaigns become one or part."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from leaktrace.mailroom.bookmembers import MEMBER


class BookNames:
    """Names of campaigns; the part of the shelf that `BookShelf` stands on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def first_report(self, campaign: int) -> str | None:
        """The id of its earliest report, in the canonical order."""
        row = self._one(
            f"{MEMBER} JOIN clusters c ON c.id = r.cluster WHERE c.campaign = ? "
            "ORDER BY r.mail_at IS NULL, r.mail_at, m.sha256 || '/' || r.idx LIMIT 1",
            campaign,
        )
        return None if row is None else f"{row[1]}/{row[2]}"

    def nameless(self) -> list[int]:
        """Campaigns that have no name yet, the oldest first."""
        return [one for (one,) in self._all("SELECT id FROM campaigns WHERE name IS NULL ORDER BY id")]

    def is_taken(self, name: str) -> bool:
        """Whether a campaign has or had this name."""
        asked = "SELECT 1 FROM campaigns WHERE name = ? UNION ALL SELECT 1 FROM former_names WHERE name = ?"
        return self._one(asked, name, name) is not None

    def name(self, campaign: int, name: str) -> None:
        """Gives a campaign its name."""
        self._run("DELETE FROM former_names WHERE name = ?", name)
        self._run("UPDATE campaigns SET name = ? WHERE id = ?", name, campaign)

    def rename(self, names: Mapping[int, str]) -> None:
        """Gives campaigns other names, where no further campaign has one of them."""
        holders = {self.campaign_named(name) for name in names.values()} - {None}
        if holders <= set(names):
            for campaign in names:
                self._run("UPDATE campaigns SET name = NULL WHERE id = ?", campaign)
            for campaign, name in names.items():
                self.name(campaign, name)

    def name_of(self, campaign: int) -> str | None:
        """The name of a campaign."""
        row = self._one("SELECT name FROM campaigns WHERE id = ?", campaign)
        return row[0] if row else None

    def campaign_named(self, name: str) -> int | None:
        """The campaign that has this name."""
        row = self._one("SELECT id FROM campaigns WHERE name = ?", name)
        return row[0] if row else None

    def former_name_in(self, campaign: int) -> str | None:
        """The name of a campaign that became part of another one, and whose mail is in this one now."""
        row = self._one(
            "SELECT f.name FROM former_names f JOIN reports r ON r.id = f.report JOIN clusters c ON c.id = r.cluster "
            "WHERE c.campaign = ? ORDER BY f.name LIMIT 1",
            campaign,
        )
        return row[0] if row else None

    def keep_former_name(self, name: str, example: int) -> None:
        """Remembers a name that is used no longer; `example`: a report that was in that campaign."""
        self._run("INSERT OR REPLACE INTO former_names VALUES (?, ?)", name, example)

    def forget_carried(self) -> None:
        """The names that a book of format 1 had are given to campaigns of today now."""
        self._run("DELETE FROM carried")

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return found
