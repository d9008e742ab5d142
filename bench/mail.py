"""The mailroom on one page: messages a second, what it gets right and wrong, campaigns, sealed chains.

Each figure comes from the module that measures it alone (`mailspeed`, `mailforms`, `mailcampaigns`); their own pages
have the tables in full. Correctness is over the public corpora where they are, else left out by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import yaml

from bench import mailcampaigns, mailforms, mailpublic, mailspeed
from bench.mailframing import framed
from bench.mailjoining import joining
from leaktrace.mailroom.arc import check_chain

JOINING_REPORTS = (10_000, 100_000)
_SPEED = (
    "Everything a message goes through: stored encrypted and synced to disk, read, remembered, put into its campaign. "
    "The others only parse, and get the same bytes in the same run."
)


def run(count: int = mailspeed.COUNT, seeds: range = range(1, 3), public: Path | None = None) -> str:
    """The page without its head; `count`: messages of the speed table, `seeds`: of planted and framed campaigns.

    `public`: a folder of public mail, for a section of its own (`mailpublic`).
    """
    parts = [f"## Messages a second\n\n{_SPEED}\n\n{mailspeed.run(count)}"]
    parts += [f"## What it reads\n\n{_forms()}", f"## Sealed chains\n\n{_chains(mailforms.CORPORA)}"]
    parts += [f"## Campaigns\n\n{_campaigns(seeds)}"]
    if public is not None:
        parts += [f"## Public mail, as it came\n\n{mailpublic.run(public)}"]
    return "\n\n".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *([str(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _forms() -> str:
    if not mailforms.CORPORA.is_dir():
        return "The public corpora are not here (`LEAKTRACE_CORPORA`): nothing was measured."
    forwards, bounces, found = mailforms.forwards_corpus(), mailforms.bounces_corpus(), mailforms.bodies()
    count = forwards["count"]
    rows: list[tuple[object, ...]] = [
        (f"public forwards ({count})", forwards["sender"], forwards["wrong_sender"], count - forwards["sender"]),
        (f"  their dates ({count})", forwards["date"], "", count - forwards["date"]),
        (
            f"public bounces ({bounces['count']})",
            bounces["count"] - bounces["taken_for_report"],
            bounces["taken_for_report"],
            bounces["report_missed"],
        ),
    ]
    for name, tallies in (
        (f"{len(found)} real bodies in six programs' forwards", mailforms.wrapped_english(found)),
        ("the same in every language", mailforms.wrapped_languages(found)),
    ):
        count, right, wrong = (
            sum(getattr(one, what) for one in tallies.values()) for what in ("count", "right", "wrong")
        )
        rows.append((f"{name} ({count:,})", f"{right:,}", wrong, count - right - wrong))
    told = "Senders of forwards (kinds of bounces). Wrong is another one than the mail has; missing is none at all."
    return f"{told}\n\n" + _table(("what", "right", "**wrong**", "missing"), rows)


def _chains(corpora: Path) -> str:
    """How many cases of the public ARC suite come out as the suite says (RFC 8617, section 5.2)."""
    suite = corpora / "arc" / "arc-draft-validation-tests.yml"
    if not suite.is_file():
        return "The public ARC suite is not here (`LEAKTRACE_CORPORA`): nothing was measured."
    right = count = 0
    for group in yaml.safe_load_all(suite.read_text(encoding="utf-8")):
        keys = {name.lower(): record for name, record in (group["txt-records"] or {}).items()}
        for case in group["tests"].values():
            wanted = str(case["cv"]).strip().lower() or "ended"
            right += check_chain((case["message"] or "").encode(), keys).result == wanted
            count += 1
    return f"{right} of the {count} cases of the public ARC validation suite come out as it says."


def _campaigns(seeds: range) -> str:
    rows: list[tuple[object, ...]] = []
    for way in ("one", "each"):
        found = [asdict(one) for one in mailcampaigns.grouped(seeds, way)]
        precision, recall = (sum(one[key] for one in found) / len(found) for key in ("precision", "recall"))
        bridged = sum(one["bridged_count"] for one in found)
        mails = sum(one["mail_count"] for one in found)
        told = {"one": "all in one run", "each": "mail by mail"}[way]
        rows.append((told, f"{mails:,}", f"{precision:.4f}", f"{recall:.4f}", bridged))
    rivals = [one for one in framed(range(1, len(seeds) + 1)) if one.family != "genuine"]
    worst = max(one.rival_probability for one in rivals)
    joins = [joining(size) for size in JOINING_REPORTS]
    return "\n\n".join(
        (
            "Planted campaigns (bar: precision 0.99, recall 0.90), over pairs of mails:",
            _table(("way", "mails", "precision", "recall", "brought together"), rows),
            f"Framed sellers, {len(rivals)} families: the framed one's probability is {worst:.2f} at most (bar: 0.5).",
            "One mail found its campaign in a book of so many reports, processor time in milliseconds:",
            _table(
                ("reports", "find and commit", "joined"),
                ((f"{one.report_count:,}", one.group_cpu_ms, f"{one.joined_share:.2f}") for one in joins),
            ),
        )
    )
