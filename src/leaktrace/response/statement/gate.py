"""Whether a statement may be published: conditions that are policy, not code. Empty means no."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from leaktrace.caserecords import (
    CaseEvent,
    GateAnswered,
    GateCondition,
    GateVerdict,
    StatementDrafted,
    digest_of,
)
from leaktrace.errors import ResponseError

SCHEMA = "leaktrace.gate/1"
CEILING_BYTES = 100_000
_KINDS = ("answered", "count_at_least")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition."""

    id: str
    kind: Literal["answered", "count_at_least"]
    text: str
    after_draft: bool
    """Whether an answer holds only for the text it was given on: a new draft asks again."""
    value: int


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """All conditions, and whether numbers may be published."""

    numbers: Literal["none", "bounds"]
    conditions: tuple[Condition, ...]

    def sha256(self) -> str:
        """Two people sign under exactly this policy."""
        return digest_of(self)


def builtin_policy() -> GatePolicy:
    """The policy that comes with the program."""
    text = files("leaktrace.response.statement").joinpath("gate.toml").read_text(encoding="utf-8")
    return policy_from_text(text, "gate.toml")


def read_policy(path: Path) -> GatePolicy:
    """The policy in a file."""
    try:
        return policy_from_text(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ResponseError(f"{path} cannot be read.", "docs/statement.md shows a policy.") from error


def policy_from_text(text: str, place: str) -> GatePolicy:
    """The policy that a text says; ResponseError where it says none, or one without conditions."""
    if len(text.encode()) > CEILING_BYTES:
        raise _wrong(place, f"it is larger than {CEILING_BYTES} bytes")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(place, f"it is not TOML: {error}") from error
    numbers = document.get("numbers")
    if document.get("schema") != SCHEMA or numbers not in ("none", "bounds"):
        raise _wrong(place, f"it needs schema = '{SCHEMA}' and numbers = 'none' or 'bounds'")
    listed = document.get("condition")
    if not isinstance(listed, list) or not listed:
        raise _wrong(place, "it has no [[condition]]; a gate without one is no gate")
    conditions = tuple(_condition(one, f"{place}: condition {number}") for number, one in enumerate(listed, 1))
    if len({one.id for one in conditions}) < len(conditions):
        raise _wrong(place, "two conditions have one id")
    return GatePolicy("none" if numbers == "none" else "bounds", conditions)


def judge_gate(policy: GatePolicy, events: Sequence[CaseEvent], affected_count: int) -> GateVerdict:
    """Each condition with its reason; met only when all are. A hold by anybody on any gate holds."""
    conditions = [_judged(one, events, affected_count) for one in policy.conditions]
    known = {one.id for one in policy.conditions}
    for gate, (answered, _) in _last_answers(events).items():
        if gate not in known and answered.answer == "held":
            conditions.append(GateCondition(gate, "Somebody put a hold on publication.", False, answered.reason))
    return GateVerdict(all(one.met for one in conditions), tuple(conditions), policy.sha256())


def _judged(condition: Condition, events: Sequence[CaseEvent], affected_count: int) -> GateCondition:
    answered, place = _last_answers(events).get(condition.id, (None, -1))
    if answered is not None and answered.answer == "held":
        return GateCondition(condition.id, condition.text, False, f"Held: {answered.reason}")
    if condition.kind == "count_at_least":
        met = affected_count >= condition.value
        return GateCondition(condition.id, condition.text, met, f"{affected_count}, asked for {condition.value}")
    if answered is None:
        return GateCondition(condition.id, condition.text, False, "Nobody has answered.")
    drafted = max((at for at, event in enumerate(events) if isinstance(event, StatementDrafted)), default=-1)
    if condition.after_draft and (drafted < 0 or place < drafted):
        return GateCondition(condition.id, condition.text, False, "Answered before the present text was drafted.")
    return GateCondition(condition.id, condition.text, True, answered.reason)


def last_answers(events: Sequence[CaseEvent]) -> tuple[GateAnswered, ...]:
    """What was said last of each condition, and of whatever else somebody holds."""
    return tuple(answered for answered, _ in _last_answers(events).values())


def _last_answers(events: Sequence[CaseEvent]) -> dict[str, tuple[GateAnswered, int]]:
    return {event.gate: (event, place) for place, event in enumerate(events) if isinstance(event, GateAnswered)}


def _condition(one: Any, place: str) -> Condition:
    if not isinstance(one, dict) or set(one) - {"id", "kind", "text", "after_draft", "value"}:
        raise _wrong(place, "it has id, kind, text, and after_draft or value")
    kind, value, after = one.get("kind"), one.get("value", 0), one.get("after_draft", False)
    if kind not in _KINDS or not all(isinstance(one.get(key), str) and one[key] for key in ("id", "text")):
        raise _wrong(place, f"it needs id, text, and kind: {' or '.join(_KINDS)}")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0 or not isinstance(after, bool):
        raise _wrong(place, "value is a whole number, after_draft true or false")
    if (kind == "count_at_least") != ("value" in one):
        raise _wrong(place, "value belongs to count_at_least, and is needed there")
    return Condition(one["id"], "answered" if kind == "answered" else "count_at_least", one["text"], after, value)


def _wrong(place: str, why: str) -> ResponseError:
    return ResponseError(f"{place}: {why}.", "docs/statement.md shows a policy.")
