"""Paths into a record: `requestParameters.key.id`, `items[*].id`, `resources[type=customer].uid`.

A path is a list of steps. A plain step is a key of an object; `[*]` is every element of a list, `[0]` one of them,
`[key=value]` those elements whose key has that value, and `*` every value of an object. A name with a dot, a bracket or
a space stands in double quotes. Where the log wrote a dotted name as one key (`"user.name": ...`, as Elastic's own
libraries do), the same path finds it. Following a path costs at most one look at each value of the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

STEPS_CEILING_COUNT = 32

_STEP = re.compile(
    r"""(?P<dot>\.)?(?:
        (?P<each>\[\*\]) | \[(?P<index>[0-9]{1,6})\] | \[(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]*)\]
        | "(?P<quoted>[^"]+)" | (?P<values>\*) | (?P<name>[^.\[\]"*]+)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Each:
    """Every element of a list."""


@dataclass(frozen=True, slots=True)
class EachValue:
    """Every value of an object."""


@dataclass(frozen=True, slots=True)
class Where:
    """The elements of a list whose key has this value."""

    key: str
    value: str


Step = str | int | Each | EachValue | Where


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path."""

    text: str
    steps: tuple[Step, ...]
    joined: tuple[tuple[tuple[str, int], ...], ...] = ()
    """For each step the dotted keys that may begin there, each with the step that follows it."""
    plain: tuple[str, ...] | None = None
    """The keys, where all steps are keys."""


def parse_path(text: str) -> Path | None:
    """The path that a text says; None where it says none. The empty text is the record itself."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or len(steps) == STEPS_CEILING_COUNT:
            return None
        bracketed = match["each"] or match["index"] or match["key"]
        if bool(match["dot"]) == bool(bracketed or not steps):
            return None  # a dot stands before every name but the first, and before no bracket
        steps.append(_step(match))
        position = match.end()
    plain = tuple(step for step in steps if isinstance(step, str))
    return Path(text, tuple(steps), _joined(steps), plain if len(plain) == len(steps) else None)


def _step(match: re.Match[str]) -> Step:
    if match["each"]:
        return Each()
    if match["index"]:
        return int(match["index"])
    if match["key"]:
        return Where(match["key"], match["value"])
    if match["values"]:
        return EachValue()
    return match["quoted"] or match["name"].strip()


def _joined(steps: list[Step]) -> tuple[tuple[tuple[str, int], ...], ...]:
    found = []
    for start in range(len(steps)):
        keys: list[tuple[str, int]] = []
        words: list[str] = []
        for place in range(start, len(steps)):
            step = steps[place]
            if not isinstance(step, str):
                break
            words.append(step)
            if len(words) > 1:
                keys.append((".".join(words), place + 1))
        found.append(tuple(keys))
    return tuple(found)


def values_at(record: Any, path: Path) -> list[Any]:
    """What stands at a path, in the record's order; nulls are left out, lists at the end are opened once."""
    if path.plain is not None:
        node = record
        for key in path.plain:
            node = node.get(key) if type(node) is dict else None
            if node is None:
                break
        if node is not None:
            return [item for item in node if item is not None] if type(node) is list else [node]
        if not _may_be_dotted(record, path, path.plain):
            return []
    found: list[Any] = []
    _collect(record, path, 0, found)
    return found


def _may_be_dotted(node: Any, path: Path, keys: tuple[str, ...]) -> bool:
    """Whether some of a path's names stand as one key where they could: most paths that miss end here."""
    for key, joined in zip(keys, path.joined, strict=True):
        if type(node) is not dict:
            return False
        for dotted, _ in joined:
            if dotted in node:
                return True
        node = node.get(key)
    return False


def _collect(node: Any, path: Path, place: int, found: list[Any]) -> None:
    if place == len(path.steps):
        if isinstance(node, list):
            found.extend(item for item in node if item is not None)
        elif node is not None:
            found.append(node)
        return
    step = path.steps[place]
    if isinstance(step, str):
        _collect_key(node, step, path, place, found)
    elif isinstance(step, EachValue):
        for item in node.values() if isinstance(node, dict) else ():
            _collect(item, path, place + 1, found)
    elif isinstance(node, list):
        for item in _chosen(node, step):
            _collect(item, path, place + 1, found)


def _collect_key(node: Any, step: str, path: Path, place: int, found: list[Any]) -> None:
    if not isinstance(node, dict):
        return
    before = len(found)
    if step in node:
        _collect(node[step], path, place + 1, found)
    for key, following in path.joined[place]:
        if len(found) > before:
            return
        if key in node:
            _collect(node[key], path, following, found)


def _chosen(items: list[Any], step: int | Each | Where) -> list[Any]:
    if isinstance(step, Each):
        return items
    if isinstance(step, int):
        return items[step : step + 1]
    return [item for item in items if isinstance(item, dict) and plain_text(item.get(step.key)) == step.value]


def plain_text(value: Any) -> str | None:
    """A scalar as text: `true`, `17`, `abc`; None for objects, lists, null and numbers that are not whole."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return None
