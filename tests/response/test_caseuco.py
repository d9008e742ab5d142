"""CASE/UCO: the public validator takes our graph, and what it misses we refuse ourselves."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import CaseClosed
from leaktrace.errors import ResponseError
from leaktrace.response.bundle.casechecks import check_graph
from leaktrace.response.bundle.caseuco import CONTEXT, case_uco, graph_of
from tests.response.made_cases import EVERYWHERE, made_input

Graph = list[dict[str, Any]]


def first(graph: Graph, kind: str) -> dict[str, Any]:
    return next(node for node in graph if node["@type"] == kind)


def ends_early(graph: Graph) -> None:
    first(graph, "investigation:InvestigativeAction")["action:endTime"]["@value"] = "2020-01-01T00:00:00Z"


def nobody_performs(graph: Graph) -> None:
    del first(graph, "investigation:InvestigativeAction")["action:performer"]


def no_zone(graph: Graph) -> None:
    first(graph, "investigation:InvestigativeAction")["action:startTime"]["@value"] = "2026-03-02T08:00:00"


def two_perform(graph: Graph) -> None:
    action, people = first(graph, "investigation:InvestigativeAction"), first(graph, "identity:Person")
    action["action:performer"] = [action["action:performer"], {"@id": people["@id"]}]


def leads_nowhere(graph: Graph) -> None:
    first(graph, "investigation:ProvenanceRecord")["core:object"]["@id"] = (
        "urn:uuid:" + "1" * 8 + "-1111-4111-8111-" + "1" * 12
    )


def no_uuid(graph: Graph) -> None:
    first(graph, "tool:Tool")["@id"] = "urn:tool"


def same_id(graph: Graph) -> None:
    first(graph, "tool:Tool")["@id"] = first(graph, "identity:Person")["@id"]


MISSED_BY_OTHERS = (ends_early, nobody_performs, no_zone)


@pytest.mark.parametrize("break_it", [*MISSED_BY_OTHERS, two_perform, leads_nowhere, no_uuid, same_id])
def test_a_graph_that_says_nonsense_is_refused(break_it: Callable[[Graph], None]) -> None:
    graph = graph_of(made_input())
    check_graph(graph)
    broken = copy.deepcopy(graph)
    break_it(broken)
    with pytest.raises(ResponseError):
        check_graph(broken)


def test_the_validator_takes_it(judge: Callable[..., int], tmp_path: Path) -> None:
    given = made_input(title=EVERYWHERE)
    closing = replace(given.events[-1], event=CaseClosed("source_found", "done"))
    path = tmp_path / "case.jsonld"
    path.write_bytes(case_uco(replace(given, events=(*given.events[:-1], closing))))
    assert judge("case_validate", "--built-version", "case-1.4.0", str(path)) == 0


def test_the_validator_alone_would_not_do(judge: Callable[..., int], tmp_path: Path) -> None:
    """Three defects in one graph, and it still conforms: why there are checks of our own."""
    graph = copy.deepcopy(graph_of(made_input()))
    for break_it in (ends_early, nobody_performs):
        break_it(graph)
    path = tmp_path / "nonsense.jsonld"
    path.write_text(json.dumps({"@context": CONTEXT, "@graph": graph}), encoding="utf-8")
    assert judge("case_validate", "--built-version", "case-1.4.0", str(path)) == 0


def test_the_validator_refuses_what_is_no_graph_of_ours(judge: Callable[..., int], tmp_path: Path) -> None:
    graph = copy.deepcopy(graph_of(made_input()))
    first(graph, "investigation:ProvenanceRecord")["investigation:exhibitNumber"] = ["E-0001", "E-0002"]
    path = tmp_path / "two-numbers.jsonld"
    path.write_text(json.dumps({"@context": CONTEXT, "@graph": graph}), encoding="utf-8")
    assert judge("case_validate", "--built-version", "case-1.4.0", str(path)) != 0


def test_the_graph_is_the_same_each_time_and_another_for_another_case() -> None:
    given = made_input()
    assert case_uco(given) == case_uco(made_input())
    ids = {node["@id"] for node in graph_of(given)}
    assert not ids & {node["@id"] for node in graph_of(replace(given, case="K-00000001"))}


def test_every_exhibit_is_in_it_with_its_digest() -> None:
    given = made_input()
    text = case_uco(given).decode()
    for one in given.exhibits:
        assert one.stored.sha256 in text
        assert f'"investigation:exhibitNumber": "{one.stored.exhibit}"' in text
