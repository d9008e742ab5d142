"""Drafts a statement into a case, answers gates, and publishes: by two people, under an open gate, and only as drafted.

Checks before anything is published, in this order:
1. the text is the one that was drafted last, byte for byte as its exhibit;
2. the facts of the case still give exactly this text;
3. every condition of the gate is met;
4. two people approved this text under this policy (the approval is used, and checked again).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leaktrace.caserecords import (
    Approvals,
    CaseDiary,
    CaseEvent,
    ExposureList,
    GateAnswered,
    GateVerdict,
    StatementDraft,
    StatementDrafted,
    StatementPublished,
    StatementSentence,
    StatementState,
    canonical,
    digest_of,
)
from leaktrace.errors import ResponseError
from leaktrace.response.statement.claims import StatementFacts, statement_facts
from leaktrace.response.statement.drafting import PUBLIC, draft
from leaktrace.response.statement.gate import GatePolicy, judge_gate, last_answers
from leaktrace.response.statement.sentences import Wording


@dataclass(frozen=True, slots=True)
class StatementDesk:
    """One case, as a statement needs it."""

    case: str
    exposure: ExposureList
    """The list that is frozen now."""
    events: Callable[[], Sequence[CaseEvent]]
    """All events so far, in order."""
    diary: CaseDiary
    approvals: Approvals
    read_exhibit: Callable[[str], bytes]
    policy: GatePolicy
    wordings: tuple[Wording, ...]
    kind_of: Mapping[str, str]
    """Name of a field -> its kind."""
    forbidden_for: Callable[[str], Collection[str] | None]
    """Audience -> what its law forbids to say."""
    lift_hold: Callable[[str, str, str], object]
    """(condition, reason, request) -> opens a condition that somebody holds, by two people."""
    drafting_allowed: Callable[[], None]
    """Raises for whoever may not draft: before anything is taken into the case."""
    exposure_sha256: str | None = None
    """Of the list as it was frozen, where `exposure` is a copy with pseudonyms."""

    def draft(self, company: str, contact: str, audience: str = PUBLIC) -> StatementState:
        """Fills the statement from the facts as they are, and takes it into the case."""
        self.drafting_allowed()
        made = self._filled(company, contact, audience)
        stored = self.diary.store_exhibit(self.case, "statement", "Statement", canonical(made), "application/json")
        self.diary.record(self.case, StatementDrafted(stored.exhibit, stored.sha256))
        return self._state(made, stored.exhibit, stored.sha256)

    def state(self) -> StatementState:
        """The statement drafted last, and how the gate stands."""
        drafted = self._last_drafted()
        return self._state(self._kept(drafted), drafted.exhibit, drafted.sha256)

    def answer(self, gate: str, *, open_it: bool, reason: str, approval: str | None = None) -> GateVerdict:
        """Opens a condition of the gate, or holds it; with a reason. What is held is opened by an approval only."""
        if not reason.strip():
            raise ResponseError("A gate is opened or held with a reason.", "Say why: --why TEXT.")
        # What somebody holds can be opened whatever it is called: a hold on any name shuts the gate.
        held = {one.gate for one in last_answers(self.events()) if one.answer == "held"}
        known = {one.id for one in self.policy.conditions if one.kind == "answered"} | held
        if open_it and gate not in known:
            raise ResponseError(f"There is no condition '{gate}' to open.", f"There are {', '.join(sorted(known))}.")
        if approval is not None:
            if not open_it or gate not in held:
                raise ResponseError(
                    f"Nobody holds {gate}.", "An approval lifts a hold; without one the command needs no --approval."
                )
            self.lift_hold(gate, reason, approval)
        else:
            self.diary.record(self.case, GateAnswered(gate, "open" if open_it else "held", reason))
        return judge_gate(self.policy, self.events(), self._facts().affected_count)

    def publish(self, request: str) -> StatementState:
        """Releases the statement; ResponseError says which check it fails."""
        drafted = self._last_drafted()
        kept = self._kept(drafted)  # 1
        if canonical(self._filled(kept.company, kept.contact, kept.audience)) != canonical(kept):  # 2
            raise ResponseError("The facts of the case are no longer those of the text.", "Draft it anew.")
        state = self._state(kept, drafted.exhibit, drafted.sha256)
        if not state.gate.met:  # 3
            shut = [f"{one.gate} ({one.because})" for one in state.gate.conditions if not one.met]
            raise ResponseError(f"The gate is not open: {'; '.join(shut)}", "leaktrace statement gate CASE shows it.")
        parameters = publication_parameters(drafted.sha256, self.policy)
        self.approvals.use(self.case, request, "publish_statement", drafted.sha256, parameters)  # 4
        self.diary.record(self.case, StatementPublished(request, drafted.sha256))
        return replace(state, published=True)

    def _filled(self, company: str, contact: str, audience: str) -> StatementDraft:
        return draft(
            self.case,
            self._facts(),
            self.wordings,
            company=company,
            contact=contact,
            audience=audience,
            forbidden=() if audience == PUBLIC else self.forbidden_for(audience),
        )

    def _facts(self) -> StatementFacts:
        numbers = self.policy.numbers != "none"
        return statement_facts(
            self.exposure,
            self.events(),
            numbers=numbers,
            kind_of=self.kind_of,
            exposure_sha256=self.exposure_sha256,
        )

    def _last_drafted(self) -> StatementDrafted:
        drafted = [event for event in self.events() if isinstance(event, StatementDrafted)]
        if not drafted:
            raise ResponseError("No statement was drafted.", "Draft it first: leaktrace statement draft CASE.")
        return drafted[-1]

    def _kept(self, drafted: StatementDrafted) -> StatementDraft:
        content = self.read_exhibit(drafted.exhibit)
        document: dict[str, Any] = json.loads(content)
        kept = _from_document(document)
        if digest_of(kept) != drafted.sha256:
            raise ResponseError("The kept statement is not the one that was drafted.", "Draft it anew.")
        return kept

    def _state(self, made: StatementDraft, exhibit: str, sha256: str) -> StatementState:
        gate = judge_gate(self.policy, self.events(), self._facts().affected_count)
        parameters = publication_parameters(sha256, self.policy)
        published = any(isinstance(one, StatementPublished) and one.sha256 == sha256 for one in self.events())
        return StatementState(made, exhibit, sha256, gate, digest_of(parameters), published)


def publication_parameters(sha256: str, policy: GatePolicy) -> dict[str, str]:
    """What two people sign: this text, under this policy."""
    return {"statement_sha256": sha256, "policy_sha256": policy.sha256()}


def _from_document(document: dict[str, Any]) -> StatementDraft:
    sentences = {
        language: tuple(StatementSentence(one["sentence"], one["text"], tuple(one["claims"])) for one in listed)
        for language, listed in document["sentences"].items()
    }
    return StatementDraft(**{**document, "sentences": sentences, "left_out": tuple(document["left_out"])})
