"""The mail book's pages about campaigns: what is counted of each, why each report is where it is, what was decided.

Names of campaigns are what people see (`c-1a2b3c4d`); a campaign that became part of another keeps its name as a former
one, so that a note on somebody's desk still leads to the mail.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from leaktrace.keys import Keyring
from leaktrace.mailroom.bookfile import BookFile
from leaktrace.mailroom.bookmembers import joined_from_document
from leaktrace.mailroom.bookshelf import BookShelf
from leaktrace.mailroom.booktimes import instant_of_text
from leaktrace.mailroom.shelves import Joined

DecisionKind = Literal["split", "merge", "undo"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What an investigator decided about campaigns."""

    number: int
    at: datetime
    who: str
    what: DecisionKind
    campaign: str
    other: str | None
    """The campaign that a split made, or that was put into `campaign`."""
    reports: tuple[str, ...]
    """Ids of the reports that were taken out."""
    pairs: tuple[tuple[int, int], ...]
    """Numbers of reports that are apart, or together, from then on."""
    why: str
    undoes: int | None


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """What is counted of one campaign."""

    campaign: str
    report_count: int
    reporter_count: int
    """Persons who told; of reports that name nobody each is one."""
    first_mail_at: datetime | None
    state: str
    """Another one whenever the campaign has other reports."""


@dataclass(frozen=True, slots=True)
class StoredJoin:
    """Why one report is in its campaign."""

    cluster: int
    """Reports of one cluster are one template."""
    joined: Joined
    is_pinned: bool
    others: dict[int, str | None]
    """Example of a near miss -> the campaign it belongs to now."""


def token_key(keyring: Keyring) -> bytes:
    """What the index's tokens are hashed with."""
    return keyring.feature_hash("index of features").encode()


class GroupBook:
    """Those pages; made by the mail book, whose file they stand in."""

    def __init__(self, file: BookFile, keyring: Keyring) -> None:
        self._file = file
        self._connection = file.connection
        self._keyring = keyring

    # --- writing ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def shelf(self) -> Iterator[BookShelf]:
        """The shelf that reports are grouped on; what is done on it is there as a whole afterwards or not at all."""
        with self._file.writing():
            yield BookShelf(self._connection, token_key(self._keyring))

    def decide(self, decision: Decision) -> int:
        """Writes down, within `shelf()`, what was decided (its number is given here); nothing changes it later."""
        cursor = self._connection.execute(
            "INSERT INTO decisions (at, who, what, campaign, other, reports, pairs, why, undoes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                decision.at.astimezone(UTC).isoformat(),
                decision.who,
                decision.what,
                decision.campaign,
                decision.other,
                json.dumps(decision.reports),
                json.dumps(decision.pairs),
                decision.why,
                decision.undoes,
            ),
        )
        return cursor.lastrowid or 0

    def keep_answers(self, answers: Collection[tuple[str, str, bytes]]) -> None:
        """Remembers what was found of campaigns: (campaign, what was asked, the answer)."""
        with self._file.writing():
            for campaign, asked, answer in answers:
                row = self._one("SELECT id FROM campaigns WHERE name = ?", campaign)
                if row is not None:
                    sealed = self._keyring.encrypt(answer, f"answer {row[0]} {asked}")
                    self._connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (row[0], asked, sealed))

    # --- reading ----------------------------------------------------------------------------------------------

    def campaigns(self) -> tuple[CampaignCounts, ...]:
        """Every campaign, by name. Only those with other reports than when they were last asked for are counted."""
        stale = self._all("SELECT id, version FROM campaigns WHERE counted_version IS NOT version AND name IS NOT NULL")
        if stale:
            with self._file.writing():
                for campaign, version in stale:
                    self._count(campaign, version)
        rows = self._all(
            "SELECT g.name, sum(c.size), g.reporter_count, g.first_mail_at, g.id || '.' || g.version FROM campaigns g "
            "JOIN clusters c ON c.campaign = g.id WHERE g.name IS NOT NULL GROUP BY g.id ORDER BY g.name"
        )
        return tuple(CampaignCounts(row[0], row[1], row[2], instant_of_text(row[3]), row[4]) for row in rows)

    def _count(self, campaign: int, version: int) -> None:
        self._connection.execute(
            "UPDATE campaigns SET counted_version = ?, reporter_count = told.persons, first_mail_at = told.first_at "
            "FROM (SELECT count(DISTINCT coalesce(r.person, r.id)) AS persons, "
            "min(coalesce(r.received_at, r.sent_start)) AS first_at FROM reports r JOIN clusters c ON c.id = r.cluster "
            "WHERE c.campaign = ?) AS told WHERE campaigns.id = ?",
            (version, campaign, campaign),
        )

    def names(self) -> frozenset[str]:
        """Every campaign's name."""
        return frozenset(name for (name,) in self._all("SELECT name FROM campaigns WHERE name IS NOT NULL"))

    def pending_count(self) -> int:
        """Reports that are in no campaign yet."""
        return int(self._all("SELECT count(*) FROM reports WHERE cluster IS NULL")[0][0])

    def has_carried_names(self) -> bool:
        """Whether this was a book of format 1 whose reports were not grouped anew yet."""
        return self._one("SELECT 1 FROM carried LIMIT 1") is not None

    def carried_names(self) -> dict[str, str]:
        """Report id -> the name its campaign had in a book of format 1, until reports are grouped anew."""
        return dict(
            self._all(
                "SELECT m.sha256 || '/' || r.idx, f.campaign FROM carried f JOIN reports r ON r.id = f.report "
                "JOIN messages m ON m.id = r.message"
            )
        )

    def assigned(self) -> dict[str, str]:
        """Report id -> the name of its campaign, for every report that has one."""
        return dict(self._all(f"SELECT m.sha256 || '/' || r.idx, g.name {_GROUPED}"))

    def answer(self, campaign: str, asked: str) -> bytes | None:
        """What `keep_answers` was given for the very same question."""
        row = self._one(
            "SELECT g.id, a.sealed FROM answers a JOIN campaigns g ON g.id = a.campaign WHERE g.name = ? AND asked = ?",
            campaign,
            asked,
        )
        return None if row is None else self._keyring.decrypt(row[1], f"answer {row[0]} {asked}")

    def name_now(self, campaign: str) -> str | None:
        """The name that the campaign of this name has today; None where there never was one."""
        row = self._one(
            "SELECT name FROM campaigns WHERE name = ? UNION ALL SELECT g.name FROM former_names f "
            "JOIN reports r ON r.id = f.report JOIN clusters c ON c.id = r.cluster "
            "JOIN campaigns g ON g.id = c.campaign WHERE f.name = ?",
            campaign,
            campaign,
        )
        return None if row is None else str(row[0])

    def former_names(self, campaign: str) -> tuple[str, ...]:
        """Names of campaigns that became part of this one."""
        sql = (
            "SELECT f.name FROM former_names f JOIN reports r ON r.id = f.report JOIN clusters c ON c.id = r.cluster "
            "JOIN campaigns g ON g.id = c.campaign WHERE g.name = ? ORDER BY f.name"
        )
        return tuple(name for (name,) in self._all(sql, campaign))

    def joins(self, campaign: str) -> dict[str, StoredJoin]:
        """Report id -> why it is in this campaign."""
        sql = f"SELECT m.sha256 || '/' || r.idx, r.cluster, r.joined, r.pinned {_GROUPED} AND g.name = ? ORDER BY 1"
        with self._file.reading():
            joins = {
                name: (cluster, joined_from_document(text) or Joined(), bool(pinned))
                for name, cluster, text, pinned in self._all(sql, campaign)
            }
            examples = {one.example for _, joined, _ in joins.values() for one in joined.others}
            names = {number: self._campaign_with(number) for number in sorted(examples)}
        return {name: StoredJoin(*told, names) for name, told in joins.items()}

    def _campaign_with(self, number: int) -> str | None:
        row = self._one(f"SELECT g.name {_GROUPED} AND r.id = ?", number)
        return None if row is None else str(row[0])

    def decisions(self) -> tuple[Decision, ...]:
        """What investigators decided, the oldest first."""
        return tuple(
            Decision(
                number=row[0],
                at=datetime.fromisoformat(row[1]),
                who=row[2],
                what=row[3],
                campaign=row[4],
                other=row[5],
                reports=tuple(json.loads(row[6])),
                pairs=tuple((one, other) for one, other in json.loads(row[7])),
                why=row[8],
                undoes=row[9],
            )
            for row in self._all(
                "SELECT id, at, who, what, campaign, other, reports, pairs, why, undoes FROM decisions ORDER BY id"
            )
        )

    def addresses(self) -> Iterator[tuple[str | None, int, str, bytes, bytes]]:
        """(campaign or None, report's number, role, exact hash, folded hash) of each address of each report."""
        yield from self._all(
            "SELECT g.name, r.id, a.role, a.exact, a.folded FROM reports r LEFT JOIN clusters c ON c.id = r.cluster "
            "LEFT JOIN campaigns g ON g.id = c.campaign "
            "JOIN addresses a ON a.message = r.message AND a.idx = r.idx ORDER BY r.id, a.rowid"
        )

    def numbers(self, reports: Collection[str]) -> dict[str, int]:
        """Report id -> its number on the shelf; those that are not here are left out."""
        sql = "SELECT r.id FROM reports r JOIN messages m ON m.id = r.message WHERE m.sha256 = ? AND r.idx = ?"
        found = {}
        for report in sorted(reports):
            sha256, _, index = report.partition("/")
            row = self._one(sql, sha256, index)
            if row is not None:
                found[report] = int(row[0])
        return found

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._file.disk():
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with self._file.disk():
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return found


_GROUPED = (
    "FROM reports r JOIN messages m ON m.id = r.message JOIN clusters c ON c.id = r.cluster "
    "JOIN campaigns g ON g.id = c.campaign WHERE g.name IS NOT NULL"
)
