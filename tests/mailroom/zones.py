"""A DNS that lies in a dictionary: the whole interface that SPF and DMARC ask, and a count of what they ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leaktrace.mailroom.spf import RecordKind

Zone = Mapping[str, Iterable[tuple[str, str]]]
"""Name -> (kind, record); the record `TIMEOUT` is an answer that never comes."""


class ZoneNames:
    """`Names` over a zone. What is not in it does not exist."""

    def __init__(self, zone: Zone) -> None:
        self._zone = {name.lower().rstrip("."): tuple(records) for name, records in zone.items()}
        self.asked: list[tuple[str, RecordKind]] = []
        self.asked_of_mail: list[str] = []

    def find(self, name: str, kind: RecordKind, *, is_of_mail: bool = False) -> tuple[str, ...] | None:
        """The records; null for an answer that never comes."""
        self.asked.append((name, kind))
        if is_of_mail:
            self.asked_of_mail.append(name)
        own = self._zone.get(name.lower(), ())
        if any(record == "TIMEOUT" and of in (kind, "") for of, record in own):
            return None
        found = [record for of, record in own if of == kind]
        for of, record in own:
            if of == "CNAME":
                found += [other for kind_there, other in self._zone.get(record.lower(), ()) if kind_there == kind]
        return tuple(found)
