"""The case as CASE/UCO 1.4 JSON-LD: investigation, exhibits with their digests, who did what when.

Identifiers are UUIDs of version 5 from the case's id, so the same case gives the same graph. What is written here is
checked by `casechecks` before it leaves, as the public validator passes some graphs that say nonsense.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from leaktrace import __version__
from leaktrace.caserecords import ActionUsed, CaseClosed, ExhibitStored, RecordedEvent
from leaktrace.records import to_document
from leaktrace.response.bundle.casechecks import check_graph
from leaktrace.response.bundle.inputs import BundledExhibit, BundleInput
from leaktrace.response.bundle.names import exhibit_file
from leaktrace.response.bundle.words import sentence_of

UCO = "https://ontology.unifiedcyberontology.org/uco/"
CONTEXT = {
    "action": f"{UCO}action/",
    "core": f"{UCO}core/",
    "identity": f"{UCO}identity/",
    "investigation": "https://ontology.caseontology.org/case/investigation/",
    "observable": f"{UCO}observable/",
    "tool": f"{UCO}tool/",
    "types": f"{UCO}types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
Node = dict[str, Any]


def case_uco(given: BundleInput) -> bytes:
    """The graph as one JSON-LD document."""
    graph = graph_of(given)
    check_graph(graph)
    return json.dumps({"@context": CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1).encode("utf-8")


def graph_of(given: BundleInput) -> list[Node]:
    """All nodes, the bundle first. An action for each disclosed event of the case, each by one person."""
    ids = _Ids(given.case)
    own = [one for one in given.events if one.entry.case == given.case]
    exhibits = {one.stored.exhibit: one for one in given.exhibits}
    nodes = [
        _tool(ids),
        *(_person(ids, name) for name in sorted({one.actor for one in own})),
        *(node for one in given.exhibits for node in (_record(ids, one), _file(ids, one))),
        *(_action(ids, one, exhibits) for one in own),
    ]
    investigation = _investigation(ids, given, own, nodes)
    bundle = {
        "@id": ids.of("bundle"),
        "@type": "core:Bundle",
        "core:name": f"Evidence bundle of case {given.case}",
        "core:description": "Written by leaktrace; the custody log in data/log proves each exhibit's time and digest.",
        "core:object": [_ref(node) for node in (investigation, *nodes)],
    }
    return [bundle, investigation, *nodes]


class _Ids:
    """Identifiers of a case's nodes: `urn:uuid:` of a name within the case."""

    def __init__(self, case: str) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_URL, f"leaktrace/{case}")

    def of(self, name: str) -> str:
        return f"urn:uuid:{uuid.uuid5(self._space, name)}"


def _ref(node: Node) -> Node:
    return {"@id": node["@id"]}


def _time(at: Any) -> Node:
    return {"@type": "xsd:dateTime", "@value": to_document(at)}


def _tool(ids: _Ids) -> Node:
    return {
        "@id": ids.of("tool"),
        "@type": "tool:Tool",
        "core:name": "leaktrace",
        "tool:toolType": "attribution and case work",
        "tool:version": __version__,
    }


def _person(ids: _Ids, name: str) -> Node:
    return {"@id": ids.of(f"person {name}"), "@type": "identity:Person", "core:name": name}


def _file(ids: _Ids, one: BundledExhibit) -> Node:
    stored = one.stored
    there = one.content is not None
    size = {"@type": "xsd:integer", "@value": str(stored.size_bytes)}
    place = {"observable:filePath": f"data/{exhibit_file(stored)}"} if there else {}
    digest = {
        "@id": ids.of(f"hash {stored.exhibit}"),
        "@type": "types:Hash",
        "types:hashMethod": "SHA256",
        "types:hashValue": {"@type": "xsd:hexBinary", "@value": stored.sha256},
    }
    facets: list[Node] = [
        {"@id": ids.of(f"place {stored.exhibit}"), "@type": "observable:FileFacet", **place},
        {"@id": ids.of(f"content {stored.exhibit}"), "@type": "observable:ContentDataFacet", "observable:hash": digest},
    ]
    facets[0]["observable:sizeInBytes"] = facets[1]["observable:sizeInBytes"] = size
    facets[1]["observable:mimeType"] = stored.media_type
    return {
        "@id": ids.of(f"file {stored.exhibit}"),
        "@type": "observable:File",
        "core:name": stored.title,
        **({} if there else {"core:description": f"Not handed over: {one.withheld_because}"}),
        "core:hasFacet": facets,
    }


def _record(ids: _Ids, one: BundledExhibit) -> Node:
    return {
        "@id": ids.of(f"record {one.stored.exhibit}"),
        "@type": "investigation:ProvenanceRecord",
        "core:name": f"Exhibit {one.stored.exhibit}",
        "core:description": f"Entry {one.log_index} of the custody log",
        "investigation:exhibitNumber": one.stored.exhibit,
        "core:object": {"@id": ids.of(f"file {one.stored.exhibit}")},
    }


def _action(ids: _Ids, one: RecordedEvent, exhibits: dict[str, BundledExhibit]) -> Node:
    results = {}
    if isinstance(one.event, ExhibitStored) and one.event.exhibit in exhibits:
        results = {"action:result": {"@id": ids.of(f"record {one.event.exhibit}")}}
    return {
        "@id": ids.of(f"event {one.entry.index}"),
        "@type": "investigation:InvestigativeAction",
        "core:name": one.entry.kind,
        "core:description": sentence_of(one.event),
        "action:startTime": _time(one.entry.at),
        "action:endTime": _time(one.entry.at),
        "action:performer": {"@id": ids.of(f"person {one.actor}")},
        "action:instrument": {"@id": ids.of("tool")},
        **results,
    }


def _investigation(ids: _Ids, given: BundleInput, own: list[RecordedEvent], nodes: list[Node]) -> Node:
    closed = bool(own) and isinstance(own[-1].event, CaseClosed)
    times = {"core:startTime": _time(own[0].entry.at)} if own else {}
    if closed:
        times["core:endTime"] = _time(own[-1].entry.at)
    approved = sorted({one.event.request for one in own if isinstance(one.event, ActionUsed)})
    return {
        "@id": ids.of("investigation"),
        "@type": "investigation:Investigation",
        "core:name": given.title,
        "core:description": f"Case {given.case}. Approved by two people: {', '.join(approved) or 'nothing'}.",
        "investigation:investigationForm": "case",
        "investigation:investigationStatus": "closed" if closed else "open",
        "investigation:focus": "customers' data given to a seller",
        **times,
        "core:object": [_ref(node) for node in nodes],
    }
