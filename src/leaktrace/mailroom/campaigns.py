"""Ids of campaigns: a campaign keeps its own when mail is added, or when two of them become one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence


def campaign_ids(ordered: Sequence[str], clusters: Sequence[Sequence[int]], known: Mapping[str, str]) -> list[str]:
    """The id of each cluster (places in `ordered`, the ids of reports in canonical order): the one that most of its
    reports had (`known`), each id once, else a new one from its first report.
    """
    counts: Counter[tuple[str, int]] = Counter()
    oldest: dict[str, int] = {}
    for number, members in enumerate(clusters):
        for position in members:
            name = known.get(ordered[position])
            if name is not None:
                counts[name, number] += 1
                oldest[name] = min(oldest.get(name, position), position)
    names: dict[int, str] = {}
    taken = set(known.values())
    given: set[str] = set()
    for (name, number), _ in sorted(counts.items(), key=lambda item: (-item[1], oldest[item[0][0]], item[0])):
        if number not in names and name not in given:
            names[number] = name
            given.add(name)
    for number, members in enumerate(clusters):
        if number not in names:
            names[number] = _new_id(ordered[members[0]], taken)
            taken.add(names[number])
    return [names[number] for number in range(len(clusters))]


def _new_id(first_report: str, taken: set[str]) -> str:
    attempt = 0
    while (name := name_from(first_report, attempt)) in taken:
        attempt += 1
    return name


def name_from(first_report: str, attempt: int = 0) -> str:
    """The id of a campaign whose earliest report is this; later attempts where it is taken."""
    salt = f"#{attempt}" if attempt else ""
    return "c-" + hashlib.sha256(f"{first_report}{salt}".encode()).hexdigest()[:8]
