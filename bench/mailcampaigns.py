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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.mailframing import framed
from bench.mailjoining import joining
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


def _pairs(counts: Mapping[Any, int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def measured(seeds: Sequence[int], sizes: Sequence[int]) -> dict[str, object]:
    """All figures."""
    return {
        "machine": machine(),
        "grouped": {way: [asdict(one) for one in grouped(seeds, way)] for way in ("one", "each", "regroup")},
        "framed": [asdict(one) for one in framed(range(1, len(seeds) + 1))],
        "joining": [asdict(joining(size)) for size in sizes],
    }


def page(figures: dict[str, Any]) -> str:
    """The figures as `docs/benchmarks/mail-campaigns.md`."""
    lines = ["# Campaigns and sellers", "", f"Measured by `python -m bench.mailcampaigns` on {figures['machine']}.", ""]
    lines += ["## Planted campaigns", "", f"{_PLANTED}", ""]
    lines += ["| way | mails | campaigns | precision | recall | least recall | brought together |", "|" + "---|" * 7]
    for way, rows in figures["grouped"].items():
        mean = {key: sum(row[key] for row in rows) / len(rows) for key in ("precision", "recall")}
        mails, campaigns = (sum(row[key] for row in rows) for key in ("mail_count", "campaign_count"))
        least, bridged = min(row["recall"] for row in rows), sum(row["bridged_count"] for row in rows)
        found = f"{mean['precision']:.4f} | {mean['recall']:.4f} | {least:.4f}"
        lines.append(f"| {way} | {mails:,} | {campaigns} | {found} | {bridged} |")
    families = sorted({name for row in figures["grouped"]["one"] for name in row["recall_by_family"]})
    lines += ["", "| family | recall, all in one run | mail by mail |", "|---|---|---|"]
    for name in families:
        shown = [_mean([row["recall_by_family"][name] for row in figures["grouped"][way]]) for way in ("one", "each")]
        lines.append(f"| {name} | {shown[0]:.4f} | {shown[1]:.4f} |")
    lines += ["", "## Framed sellers", "", _FRAMED, "", "| family | campaigns | rival at most | called a pretence |"]
    lines += ["|---|---|---|---|"]
    lines += [
        f"| {one['family']} | {one['campaign_count']} | {one['rival_probability']:.4f} | {one['pretence_count']} |"
        for one in figures["framed"]
    ]
    lines += ["", "## A mail that joins", "", _JOINING, ""]
    lines += ["| reports | clusters | book, MB | find and commit, ms | 95 % | processor, ms | add, ms | joined |"]
    lines += ["|" + "---|" * 8]
    lines += [
        f"| {one['report_count']:,} | {one['cluster_count']:,} | {one['book_megabytes']:,.0f} "
        f"| {one['group_median_ms']} | {one['group_p95_ms']} | {one['group_cpu_ms']} "
        f"| {one['add_median_ms']} | {one['joined_share']:.2f} |"
        for one in figures["joining"]
    ]
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_PLANTED = (
    "Raw complaints of `bench/mailplanted.py`, 30 campaigns for each seed: one template; paraphrase; image "
    "only; rotated domains; reworded under rotated domains; a third of them with stitched mails (bridging) and "
    "with another campaign's shop, phone and article named in the text (planted tokens). Precision and recall "
    "are over pairs of mails; a stitched mail is nobody's and counts by whom it brings together. `one`: all in "
    "one run; `each`: mail by mail; `regroup`: mail by mail, then anew. Bar: precision 0.99, recall 0.90."
)
_FRAMED = (
    "Campaigns made to look like a rival's (`bench/mailframing.py`), with 1, 3 and 20 reports, the whole way "
    "from raw mail. Shown is the highest probability with which the rival is the named sender. Bar: never "
    "above 0.5. `genuine` is the control: he did send it, and signed it to each reporter."
)
_JOINING = (
    "A book filled with so many reports, then 60 to 100 mails one at a time, each added, grouped and committed to "
    "disk by itself (`bench/mailjoining.py`). Processor time is what a busy machine does not change."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints all figures as JSON, or writes the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.mailcampaigns")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--page", type=Path, help="Write the figures there, in words.")
    given = parser.parse_args(arguments)
    sizes = [int(size) for size in given.sizes.split(",") if size]
    figures = measured(range(1, given.seeds + 1), sizes)
    if given.page:
        given.page.write_text(page(figures), encoding="utf-8")
    json.dump(figures, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
