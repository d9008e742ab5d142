"""Tables of what `bench.attribution` measured, in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from bench.attribution import Row
from bench.campaigns import WITH_SOURCE, WITHOUT
from bench.machine import upper_bound
from bench.peers import PEERS

Check = Callable[[Row], bool]
Weight = Callable[[Row], float]


_FIRSTS: dict[str, Check] = {
    "": lambda row: row.right_first,
    " by the family's rule": lambda row: bool(row.rule and row.rule.right_first),
    " by the matched rule": lambda row: bool(row.matched and row.matched.right_first),
}
"""Whether the likeliest is right, by whose answer."""


def page(rows: list[Row]) -> str:
    """All tables."""
    seeds = {row.seed for row in rows}
    mean = float(np.mean([row.seconds for row in rows]))
    return "\n\n".join(
        (
            f"{len(rows)} campaigns in {len(seeds)} independent worlds; {mean:.2f} s each with its samples.",
            "## The figures that count",
            bars(rows),
            "## By family and number of reports",
            "`oracle` knows the generator, `rule` knows the family and must learn the rest, `matched` is that rule "
            "given how busy the customers are; all have even odds for an insider and no guard. `first`: campaigns "
            "where the right one is likeliest, of those where the oracle's is; then those of `rule` and `matched`.",
            families(rows),
            "## Published methods on the same campaigns",
            "Whom one would name by them: see `bench/peers.py`.",
            peers(rows),
            "## Reliability",
            reliability(rows),
        )
    )


def bars(rows: list[Row]) -> str:
    """The figures with a bar."""
    without = [row for row in rows if row.family in WITHOUT]
    with_source = [row for row in rows if row.family in WITH_SOURCE]
    decided = [row for row in with_source if row.outcome != "undecided"]
    known = [row for row in rows if row.oracle is not None]
    best = sum(bool(row.oracle and row.oracle.right_first) for row in known)
    sizes = [len(row.sets[0]) / row.oracle.set_size for row in known if row.oracle and row.sets and row.covered]
    lines = ["| figure | measured | bar |", "|---|---|---|"]

    def line(figure: str, measured: str, bar: str) -> None:
        lines.append(f"| {figure} | {measured} | {bar} |")

    for label, part in (("no insider", without), ("with a source, framing and forgery included", with_source)):
        wrong = sum(row.named_innocent for row in part)
        line(
            f"innocent named, {label}", f"{wrong} of {len(part)} (upper 95 % {upper_bound(wrong, len(part)):.4f})", "0"
        )
    covered = sum(row.covered for row in decided)
    line(
        "coverage of sets, outcome not undecided",
        f"{covered} of {len(decided)} = {_share(covered, len(decided))}",
        "0.93",
    )
    line("median set size over the oracle's", f"{np.median(sizes):.2f}" if sizes else "-", "1.5")
    for label, first in _FIRSTS.items():
        right = sum(first(row) for row in known)
        bar = "" if label else "0.97"
        line(f"likeliest candidate right{label}, over the oracle's", f"{right} / {best} = {_share(right, best)}", bar)
    for size in sorted({row.size for row in rows}):
        line(*_power(rows, size))
    for size in (20, 60):
        figure, measured, _ = _power([row for row in rows if row.attributes_known], size)
        line(f"{figure}, regions known", measured, "")
    for label, told in (("regions known", True), ("no customer attributes", False)):
        chosen = [row for row in known if row.attributes_known is told]
        hits = sum(row.right_first for row in chosen)
        hoped = sum(bool(row.oracle and row.oracle.right_first) for row in chosen)
        line(f"likeliest candidate right, {label}", f"{hits} / {hoped} = {_share(hits, hoped)}", "")
    lines += _several(rows)
    twins = [row for row in rows if row.family.startswith("twins")]
    line("twins named alone", f"{sum(bool(row.named) for row in twins)} of {len(twins)}", "0")
    for label, least in (("above 0.5", 0.5), ("all", 0.0)):
        line(f"expected calibration error, candidates {label}", f"{calibration_error(rows, least):.4f}", "0.03")
    weighted = calibration_error(rows, 0.5, _even_odds(rows))
    line("expected calibration error above 0.5, as many campaigns with a source as without", f"{weighted:.4f}", "")
    return "\n".join(lines)


def _several(rows: list[Row]) -> list[str]:
    """Lines about several sources, most reports."""
    most = max(row.size for row in rows)
    many = [row for row in rows if row.family.startswith(("two", "three")) and row.size == most]
    total = sum(len(row.sources) for row in many)
    named = sum(len(row.named) for row in many)
    good = sum(len(set(row.named) & row.sources) for row in many)
    told = sum(row.findable_count or 0 for row in many)
    learned = sum(row.matched_findable_count or 0 for row in many)
    known, unknown = ([row for row in many if row.attributes_known is one] for one in (True, False))
    figures = (
        ("recall of sets", _recall(many), "0.95"),
        ("recall of sets, regions known", _recall(known), ""),
        ("recall of sets, no customer attributes", _recall(unknown), ""),
        ("found by who is told all the others", f"{told} of {total} = {_share(told, total)}", ""),
        ("the same, who must learn noise, list and pick", f"{learned} of {total} = {_share(learned, total)}", ""),
        ("precision of names", f"{good} of {named} = {_share(good, named)}", "1.00"),
    )
    return [f"| two and three sources: {figure} | {measured} | {bar} |" for figure, measured, bar in figures]


def _recall(many: list[Row]) -> str:
    found = sum(any(source in members for members in row.sets) for row in many for source in row.sources)
    total = sum(len(row.sources) for row in many)
    return f"{found} of {total} = {_share(found, total)}"


def _power(rows: list[Row], size: int) -> tuple[str, str, str]:
    bar = {20: "0.75", 60: "0.90"}.get(size, "reported")
    part = [row for row in rows if row.family == "one source, noise 0.3" and row.size == size and row.oracle]
    reach = [row for row in part if row.oracle and row.oracle.named_source]
    named = sum(row.named_source for row in reach)
    measured = f"{named} of {len(reach)} = {_share(named, len(reach))}"
    return f"named rightly of those the oracle names, noise 0.3, {size} reports", measured, bar


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def families(rows: list[Row]) -> str:
    """One line a family and size."""
    lines = [
        "| family | reports | campaigns | innocent named (upper 95 %) | source named | oracle | rule | matched "
        "| nobody | undecided | first, rule, matched | source in a set |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for group, label in ((WITH_SOURCE, "all with a source"), (WITHOUT, "all without")):
        for name in group:
            for size in sorted({row.size for row in rows}):
                part = [row for row in rows if row.family == name and row.size == size]
                if part:
                    lines.append(_family(name, size, part))
        part = [row for row in rows if row.family in group]
        wrong = sum(row.named_innocent for row in part)
        bound = upper_bound(wrong, len(part))
        lines.append(f"| **{label}** | | {len(part)} | **{wrong}** ({bound:.4f}) | | | | | | | | |")
    return "\n".join(lines)


def _family(name: str, size: int, part: list[Row]) -> str:
    wrong = sum(row.named_innocent for row in part)
    known = [row for row in part if row.oracle]
    outcomes = Counter(row.outcome for row in part)
    with_set = [row for row in part if row.sets]

    def count(check: Check, among: Iterable[Row] = part) -> int:
        return sum(check(row) for row in among)

    oracle = str(count(lambda row: bool(row.oracle and row.oracle.named_source))) if known else "-"
    rule = str(count(lambda row: bool(row.rule and row.rule.named_source))) if known else "-"
    matched = str(count(lambda row: bool(row.matched and row.matched.named_source))) if known else "-"
    best = count(lambda row: bool(row.oracle and row.oracle.right_first))
    firsts = ", ".join(str(count(first, known)) for first in _FIRSTS.values())
    first = f"{firsts} of {best}" if known else "-"
    cells = [
        name,
        str(size),
        str(len(part)),
        f"{wrong} ({upper_bound(wrong, len(part)):.3f})",
        str(count(lambda row: row.named_source)),
        oracle,
        rule,
        matched,
        str(outcomes["nobody"]),
        str(outcomes["undecided"]),
        first,
        f"{count(lambda row: row.covered, with_set)} of {len(with_set)}",
    ]
    return "| " + " | ".join(cells) + " |"


def peers(rows: list[Row]) -> str:
    """The methods side by side."""
    single = [row for row in rows if row.oracle]
    with_source = [row for row in rows if row.family in WITH_SOURCE]
    without = [row for row in rows if row.family in WITHOUT]
    lines = [
        "| method | first is right, one source | a source named | innocent named, with a source "
        "| innocent named, no insider |",
        "|---|---|---|---|---|",
        _peer("leaktrace", single, with_source, without, _ours),
    ]
    lines += [_peer(name, single, with_source, without, partial(_theirs, name)) for name in PEERS]
    return "\n".join(lines)


def _ours(row: Row) -> tuple[bool, bool, bool]:
    return row.right_first, row.named_source, row.named_innocent


def _theirs(name: str, row: Row) -> tuple[bool, bool, bool]:
    return row.peers[name]


def _peer(
    name: str, single: list[Row], some: list[Row], none: list[Row], answer: Callable[[Row], tuple[bool, bool, bool]]
) -> str:
    first = sum(answer(row)[0] for row in single)
    named = sum(answer(row)[1] for row in some)
    wrong, false = sum(answer(row)[2] for row in some), sum(answer(row)[2] for row in none)
    cells = (
        f"{first} of {len(single)}",
        f"{named} of {len(some)}",
        f"{wrong} of {len(some)}",
        f"{false} of {len(none)}",
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def _bins(rows: list[Row], least: float, weight_of: Weight = lambda _: 1.0) -> list[tuple[float, float, float]]:
    """(candidates, mean probability, share that are sources) of each tenth of probability that has any, weighted."""
    told = [(chance, who in row.sources, weight_of(row)) for row in rows for who, chance in row.candidates]
    chances, right, weights = np.array([one for one in told if one[0] > least], dtype=np.float64).reshape(-1, 3).T
    place = np.minimum((chances * 10).astype(int), 9)
    found = []
    for tenth in np.unique(place):
        here = place == tenth
        total = weights[here].sum()
        mean, share = (float(part[here] @ weights[here] / total) for part in (chances, right))
        found.append((float(total), mean, share))
    return found


def _even_odds(rows: list[Row]) -> Weight:
    """Weighs campaigns so that half of them have a source, as the insider prior of the benchmark says."""
    share = sum(row.family in WITH_SOURCE for row in rows) / len(rows)
    return lambda row: 0.5 / (share if row.family in WITH_SOURCE else 1.0 - share)


def calibration_error(rows: list[Row], least: float, weight_of: Weight = lambda _: 1.0) -> float:
    """Mean distance of probability and share of sources over ten bins, weighted by candidates."""
    bins = _bins(rows, least, weight_of)
    total = sum(count for count, _, _ in bins)
    return sum(count * abs(chance - right) for count, chance, right in bins) / total if total else 0.0


def reliability(rows: list[Row]) -> str:
    """Candidates by probability: how many were sources."""
    lines = ["| candidates | mean probability | share that are sources |", "|---|---|---|"]
    lines += [f"| {count:.0f} | {chance:.3f} | {right:.3f} |" for count, chance, right in _bins(rows, 0.0)]
    return "\n".join(lines)
