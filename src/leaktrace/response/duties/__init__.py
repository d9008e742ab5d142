"""Which law asks what, by when: rules that are data, a small language for their conditions, one pure judge."""

from __future__ import annotations

from leaktrace.response.duties.casework import assess_case
from leaktrace.response.duties.facts import FACTS, facts_from_document, facts_from_exposure, field_kinds
from leaktrace.response.duties.judge import DISCLAIMER, assess, forbidden_for
from leaktrace.response.duties.loading import builtin_laws, laws_digest, laws_from_folder
from leaktrace.response.duties.model import Clock, Law, Presumption, Rule

__all__ = [
    "DISCLAIMER",
    "FACTS",
    "Clock",
    "Law",
    "Presumption",
    "Rule",
    "assess",
    "assess_case",
    "builtin_laws",
    "facts_from_document",
    "facts_from_exposure",
    "field_kinds",
    "forbidden_for",
    "laws_digest",
    "laws_from_folder",
]
