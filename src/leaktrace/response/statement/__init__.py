"""The public statement: filled from facts, behind a gate, by two people."""

from __future__ import annotations

from leaktrace.response.statement.claims import CLAIMS, StatementFacts, statement_facts
from leaktrace.response.statement.drafting import PUBLIC, draft, statement_html, statement_text
from leaktrace.response.statement.gate import GatePolicy, builtin_policy, judge_gate, policy_from_text, read_policy
from leaktrace.response.statement.publishing import StatementDesk, publication_parameters
from leaktrace.response.statement.sentences import LANGUAGES, Wording, builtin_wording, wording_from_text

__all__ = [
    "CLAIMS",
    "LANGUAGES",
    "PUBLIC",
    "GatePolicy",
    "StatementDesk",
    "StatementFacts",
    "Wording",
    "builtin_policy",
    "builtin_wording",
    "draft",
    "judge_gate",
    "policy_from_text",
    "publication_parameters",
    "read_policy",
    "statement_facts",
    "statement_html",
    "statement_text",
    "wording_from_text",
]
