"""The page about the words by which forwards are read: where each is from, and which are from nowhere yet."""

from __future__ import annotations

from collections import Counter

from leaktrace.mailroom.labels import sources, words_with_sources


def labels_page(made: str) -> str:
    """The page; `made` is the line that says it is made from the code."""
    rows = [_row(language, kinds) for language, kinds in sorted(words_with_sources().items())]
    where = [f"| `{name}` | {one['what']} | {one['where']} |" for name, one in sorted(sources().items())]
    head = "| language | words | sources met (words each gave) | words without a source |"
    return "\n".join(
        [
            "# Words of header lines, by language",
            "",
            made,
            "What mail programs write around a forwarded mail (`From`, `Sent`, `Forwarded message` ...) is data in",
            "`src/leaktrace/mailroom/labels`, one file per language. Each word names the sources in which it was met.",
            "Words known from use that were met in none are marked `unsourced` and listed here. Where no table helps,",
            "lines are told by their values ([how forwards are read](forwards.md)).",
            "",
            "| source | what it is | where |",
            "|---|---|---|",
            *where,
            "",
            head,
            "|" + "---|" * 4,
            *rows,
            "",
        ]
    )


def _row(language: str, kinds: dict[str, dict[str, list[str]]]) -> str:
    given: Counter[str] = Counter()
    unsourced: list[str] = []
    for words in kinds.values():
        for word, ids in words.items():
            given.update(ids)
            unsourced += [word] if ids == ["unsourced"] else []
    given.pop("unsourced", None)
    met = ", ".join(f"{name} {count}" for name, count in sorted(given.items(), key=lambda pair: (-pair[1], pair[0])))
    shown = ", ".join(f"`{word}`" for word in sorted(unsourced)) or "none"
    return f"| {language} | {sum(map(len, kinds.values()))} | {met} | {shown} |"
