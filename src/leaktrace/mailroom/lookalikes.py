"""Names that resemble a seller's: the normalised brand name, and domains made to be taken for another.

Both are judged by what a reader sees. A resemblance is never proof: a seller may own the other domain, or somebody may
pretend to be this seller.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from leaktrace.mailroom.domains import label_of, listed

_WORD = re.compile(r"\w+")
_NAMED_LETTER = re.compile(r"LATIN (?:(?:SMALL|CAPITAL) LETTER ([A-Z]) WITH |LETTER SMALL CAPITAL ([A-Z])$)")
_TEXT_WORDS, _RUN_WORDS = 60, 5
_LONGEST_ADDITION = 20

# Letters that look alike to a reader: digits and pairs for letters, Cyrillic, Greek and Armenian for Latin. An excerpt
# of Unicode's confusables (UTS 39), for the letters that make Latin brand names. Latin letters with strokes, hooks and
# the like are not in here: their names in the Unicode database say which letter they are (`_base_letter`).
_CONFUSABLES = str.maketrans(
    {
        "0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "|": "l", "$": "s",
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "һ": "h", "і": "i", "ј": "j", "к": "k", "ӏ": "l", "м": "m",
        "н": "h", "о": "o", "р": "p", "ԛ": "q", "ѕ": "s", "т": "t", "у": "y", "ԝ": "w", "х": "x", "г": "r",
        "α": "a", "β": "b", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "τ": "t", "υ": "u", "χ": "x",
        "σ": "o", "γ": "y", "ϲ": "c", "ѵ": "v", "ԍ": "g", "ґ": "r", "օ": "o", "ս": "u", "հ": "h", "ո": "n", "զ": "q",
        "ց": "g", "յ": "j", "ı": "i", "ɑ": "a", "ɡ": "g", "ʋ": "u",
    }
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"))


def brand_words(name: str) -> tuple[str, ...]:
    """The words of a brand name as people write it: no case, accents, punctuation or company form."""
    words = _WORD.findall(_plain(name))
    brand = tuple(word for word in words if word not in listed("company-forms"))
    return brand or tuple(words)


@dataclass(frozen=True, slots=True)
class Names:
    """What a display name or a subject could name: made once per text, asked for every brand."""

    runs: frozenset[str]
    """Every run of up to five words, with blanks between them."""
    joined: str
    whole: tuple[str, ...]
    """The text's own `brand_words`."""


def names_in(text: str | None) -> Names:
    """What a text could name; nothing for none."""
    words = _WORD.findall(_plain(text or ""))[:_TEXT_WORDS]
    runs = [words[at : at + size] for size in range(1, _RUN_WORDS + 1) for at in range(len(words) - size + 1)]
    spaced = {" ".join(run) for run in runs}
    return Names(frozenset(spaced), "".join(words), brand_words(text or ""))


def names_brand(names: Names, brand: tuple[str, ...]) -> bool:
    """Whether the brand's words stand in the text side by side, or as one word.

    A brand of fewer than four letters (two in scripts other than Latin) must be all of the text: it is found anywhere.
    """
    joined = "".join(brand)
    if len(joined) < (4 if joined.isascii() else 2):
        return bool(joined) and names.whole == brand
    if not joined.isascii():
        return joined in names.joined
    return joined in names.runs or " ".join(brand) in names.runs


def resembles(domain: str, seller_domain: str) -> str | None:
    """How a domain resembles another that it is not (a phrase that ends a sentence), or None."""
    if domain == seller_domain:
        return None
    label, own = label_of(domain), label_of(seller_domain)
    if abs(len(label) - len(own)) > _LONGEST_ADDITION:
        return None
    if label == own:
        return f"has the same name under another ending than {seller_domain}" if len(own) >= 4 else None
    if skeleton(label) == skeleton(own):
        return f"is written with letters that look like those of {seller_domain}"
    if len(own) >= 4 and _adds_words(label, own):
        return f"adds words to the name of {seller_domain}"
    limit = 1 if len(own) < 10 else 2
    if len(own) >= 6 and abs(len(label) - len(own)) <= 2 * limit and edits(skeleton(label), skeleton(own)) <= limit:
        return f"differs from {seller_domain} by a letter or two"
    return None


def skeleton(label: str) -> str:
    """What a quick reader sees: look-alike letters made one, hyphens gone."""
    text = "".join(map(_base_letter, _plain(label))).translate(_CONFUSABLES).replace("-", "").replace("_", "")
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return text


@functools.lru_cache(maxsize=4096)
def _base_letter(letter: str) -> str:
    """`l` for a stroked or hooked l, `r` for a small capital r: what the letter's own name says; else the letter."""
    match = None if letter.isascii() else _NAMED_LETTER.match(unicodedata.name(letter, ""))
    return (match.group(1) or match.group(2)).lower() if match else letter


def in_front_of(host: str, owner: str) -> frozenset[str]:
    """What looks like a domain in a host before the one that somebody registered (`owner`).

    `acme.com` of `acme.com.login.example`, and of `acme-com.login.example`.
    """
    labels = host.removesuffix(owner).rstrip(".").split(".")[-8:]
    runs = {".".join(labels[at:end]) for at in range(len(labels)) for end in range(at + 2, len(labels) + 1)}
    dashed = {f"{start}.{ending}" for label in labels for start, dash, ending in (label.rpartition("-"),) if dash}
    return frozenset(runs | dashed)


def edits(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with their neighbour (optimal string alignment distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _adds_words(label: str, own: str) -> bool:
    parts = [part for part in re.split(r"[-_]", label) if part]
    joined_own = own.replace("-", "")
    if len(parts) > 1 and (own in parts or own in label.split("--")):
        return True
    joined = "".join(parts)
    for rest in (joined.removeprefix(joined_own), joined.removesuffix(joined_own)):
        if rest != joined and rest and (rest in listed("trade-words") or rest.isdigit()):
            return True
    return False


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))
