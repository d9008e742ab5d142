"""Campaigns from mail: how well planted ones are found, whether a rival can be framed, and what a joining mail costs.

    python -m bench.mailcampaigns [--seeds N] [--sizes 10000,100000,1000000]

Functions return figures; `main` prints them as one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.mailplanted import PlantedMail, planted
from leaktrace.keys import Keyring
from leaktrace.mailroom import MailBook, group_pending, read_mail, regroup
from leaktrace.settings import Settings

KEYRING = Keyring(bytes(range(32)), "bench")
SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Grouped:
    """How well planted campaigns were found, over all pairs of mails whose campaign is known."""

    way: str
    mail_count: int
    campaign_count: int
    found_count: int
    precision: float
    recall: float
    recall_by_family: dict[str, float]
    bridged_count: int
    """Campaigns that stitched mails brought together with another one."""


def grouped(seeds: Sequence[int], way: str, mails: int = 14) -> list[Grouped]:
    """`way`: `one` (all in one run), `each` (mail by mail), `tens`, or `regroup` (mail by mail, then anew)."""
    return [_grouped(seed, way, mails) for seed in seeds]


def _grouped(seed: int, way: str, mails: int) -> Grouped:
    found = planted(seed, mails=mails)
    size = {"one": len(found), "each": 1, "tens": 10, "regroup": 1}[way]
    records = [read_mail(mail.raw, settings=Settings()) for mail in found]
    truth = {f"{record.sha256}/0": mail for record, mail in zip(records, found, strict=True)}
    with tempfile.TemporaryDirectory() as folder, MailBook.open(Path(folder), KEYRING) as book:
        for at in range(0, len(records), size):
            book.add(records[at : at + size], seen_at=SEEN_AT)
            group_pending(book.groups)
        if way == "regroup":
            regroup(book.groups)
        return judged(way, truth, book.groups.assigned())


def judged(way: str, truth: dict[str, PlantedMail], assigned: dict[str, str]) -> Grouped:
    """Pairwise precision and recall. Stitched mails are nobody's; they count by whom they bring together."""
    known = {report: mail for report, mail in truth.items() if mail.campaign is not None}
    both = Counter((assigned.get(report, report), mail.campaign) for report, mail in known.items())
    together = _pairs(Counter(assigned.get(report, report) for report in known))
    true = _pairs(Counter(mail.campaign for mail in known.values()))
    right = _pairs(both)
    families: dict[str, Counter[tuple[str, int | None]]] = defaultdict(Counter)
    for report, mail in known.items():
        families[mail.family][assigned.get(report, report), mail.campaign] += 1
    recalls = {
        family: _share(_pairs(counts), _pairs(_by_campaign(counts))) for family, counts in sorted(families.items())
    }
    mixed = Counter(name for name, _ in {(assigned.get(report, ""), mail.campaign) for report, mail in known.items()})
    return Grouped(
        way=way,
        mail_count=len(truth),
        campaign_count=len({mail.campaign for mail in known.values()}),
        found_count=len(set(assigned.values())),
        precision=_share(right, together),
        recall=_share(right, true),
        recall_by_family=recalls,
        bridged_count=sum(count > 1 for count in mixed.values()),
    )


def _by_campaign(counts: Counter[tuple[str, int | None]]) -> Counter[object]:
    summed: Counter[object] = Counter()
    for (_, campaign), count in counts.items():
        summed[campaign] += count
    return summed


def _pairs(counts: Counter[object] | Counter[tuple[str, int | None]]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints all figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.mailcampaigns")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(arguments)
    seeds = range(1, given.seeds + 1)
    figures = {way: [asdict(one) for one in grouped(seeds, way)] for way in ("one", "each", "regroup")}
    json.dump(figures, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
