"""What a CASE/UCO graph must say beyond its shapes.

The public validator (case_validate, CASE 1.4) passes an action that ends before it starts, one that nobody performed
and times without a zone. Each of these is a defect in a court.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from leaktrace.errors import ResponseError

_UUID_AT_END = re.compile(r".*[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PAIRS = (("action:startTime", "action:endTime"), ("core:startTime", "core:endTime"))


def check_graph(graph: Sequence[dict[str, Any]]) -> None:
    """ResponseError unless the graph holds.

    Checks: 1. each id ends in a UUID and is given to one node, 2. each reference leads to a node, 3. each action has
    exactly one performer, 4. each time has a zone, 5. nothing ends before it starts.
    """
    nodes: dict[str, dict[str, Any]] = {}
    for node in _nodes(graph):
        name = str(node["@id"])
        if not _UUID_AT_END.fullmatch(name) or name in nodes:  # 1
            raise _wrong(f"{name} is no identifier of one node")
        nodes[name] = node
    for node in nodes.values():
        _check_node(node, nodes)


def _check_node(node: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> None:
    name = node["@id"]
    for key, value in node.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and set(one) == {"@id"} and one["@id"] not in nodes:  # 2
                raise _wrong(f"{key} of {name} leads nowhere")
            if isinstance(one, dict) and one.get("@type") == "xsd:dateTime":  # 4
                _zoned(one["@value"], f"{key} of {name}")
    if str(node.get("@type", "")).endswith("Action"):
        performer = node.get("action:performer")
        if not isinstance(performer, dict) or "@id" not in performer:  # 3
            raise _wrong(f"{name} is an action that not exactly one person performed")
    for start, end in _PAIRS:
        if start in node and end in node and _at(node[end]) < _at(node[start]):  # 5
            raise _wrong(f"{name} ends before it starts")


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All nodes, also those within others; a reference is none."""
    if isinstance(value, dict):
        if "@id" in value and len(value) > 1:
            yield value
        for one in value.values():
            yield from _nodes(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _nodes(one)


def _at(value: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(value["@value"]))


def _zoned(text: str, where: str) -> None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(f"{where} is no time") from error
    if at.tzinfo is None:
        raise _wrong(f"{where} has no zone")


def _wrong(what: str) -> ResponseError:
    return ResponseError(f"The CASE/UCO graph does not hold: {what}.", "Report this as a defect, with the case's id.")
