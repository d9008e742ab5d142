"""What one source brought, told once it is in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """What one file brought."""

    accepted_count: int = 0
    rejected_count: int = 0
    bulk_count: int = 0
    already_count: int = 0
    rejected_before_count: int = 0
    """Of the rows that came before (`already_count`), those that were rejected then."""
    unreadable_address_count: int = 0
    retired_count: int = 0
    """Sound rows that were not taken, because they are older than what is kept."""
    forgotten_count: int = 0
    """Sound rows that were not taken, because their customer was forgotten."""
    also_there: tuple[str, ...] = ()
    """Columns that were ignored."""
    passed_over_count: int = 0
    """Records of a log that are no accesses."""

    def any_row(self) -> bool:
        """Whether a row of the file was sound: kept, or withheld as too old or of somebody forgotten."""
        return bool(self.accepted_count or self.bulk_count or self.retired_count or self.forgotten_count)
