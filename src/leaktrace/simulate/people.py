"""Customers: where they live, how much they shop, what they are called and how they are reached."""

from __future__ import annotations

import unicodedata

import numpy as np

from leaktrace.simulate.draws import in_proportion, shares_out
from leaktrace.simulate.model import Customers, Numbers, Place
from leaktrace.simulate.wording import wording

_SEGMENT_SHARES = np.array([0.25, 0.5, 0.2, 0.05])
_TRANSLITERATED = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ı": "i", "ø": "o"})


def draw_customers(rng: np.random.Generator, places: tuple[Place, ...], count: int) -> Customers:
    """`count` customers, sorted by region; addresses differ even with dots and tags removed."""
    spread = np.array([place.weight for place in places])
    region = np.repeat(np.arange(len(places)), shares_out(count, spread, 1)).astype(np.int64)
    number = rng.permutation(count).astype(np.int64)
    segment = in_proportion(rng, _SEGMENT_SHARES, count)
    activity = rng.lognormal(0.0, 1.0, count) * np.array([0.5, 1.0, 2.0, 2.5])[segment]
    first, last = rng.integers(0, 1 << 30, (2, count))
    host, pattern = rng.integers(0, 1 << 30, (2, count))
    names, emails = _names_and_emails(places, region, number, first, last, host, pattern)
    return Customers(number, region, activity, segment, names, emails)


def _names_and_emails(
    places: tuple[Place, ...],
    region: Numbers,
    number: Numbers,
    first: Numbers,
    last: Numbers,
    host: Numbers,
    pattern: Numbers,
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    lists = [_lists(place) for place in places]
    names: list[tuple[str, str]] = []
    emails: list[str] = []
    columns = (region.tolist(), number.tolist(), first.tolist(), last.tolist(), host.tolist(), pattern.tolist())
    for where, serial, f, s, h, p in zip(*columns, strict=True):
        written, latin, hosts = lists[where]
        names.append((written[0][f % len(written[0])], written[1][s % len(written[1])]))
        one, two = latin[0][f % len(latin[0])], latin[1][s % len(latin[1])]
        local = (f"{one}.{two}{serial}", f"{one}{serial}", f"{one[0]}.{two}.{serial}", f"{two}_{one}{serial}")[p % 4]
        emails.append(f"{local}@{hosts[h % len(hosts)]}")
    return tuple(names), tuple(emails)


def _lists(place: Place) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]], list[str]]:
    """Names as written, names for addresses, and mail hosts, of a region's people."""
    names, hosts = wording("names")[place.people], wording("places")["mail_hosts"]
    latin = tuple([_ascii(n) for n in names.get(f"{part}_latin", names[part])] for part in ("first", "last"))
    return (names["first"], names["last"]), (latin[0], latin[1]), hosts["everywhere"] + hosts.get(place.people, []) * 2


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_TRANSLITERATED)).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())
