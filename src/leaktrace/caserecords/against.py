"""What is on record against the suspicion of an account, in sentences. Pure.

Whoever signs and whoever reads the bundle's cover get the same ones: answers that point to somebody else behind the
account, answers nobody could give, what the finding itself says against it, and that a finding does not name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaktrace.caserecords.checks import CHECKS
from leaktrace.caserecords.evidenceevents import CheckAnswered

NOTHING = "Nothing that is on record speaks against it."
_CHECKS = {one.check: one for one in CHECKS}


def against_by_checks(subject: str, answers: Mapping[tuple[str, str], CheckAnswered]) -> tuple[str, ...]:
    """Of the list 'the account is not the person'. `answers`: the last one to each (subject, check)."""
    told = []
    for (whose, name), answered in answers.items():
        known = _CHECKS.get(name)
        question = known.question if known else name
        note = f" It rests on: {answered.note}" if answered.note.strip() else ""
        if whose != subject:
            continue
        if answered.answer == (known.weighs_if if known else "yes"):
            told.append(
                f"{subject}: '{question}' Answered: {answered.answer}. That speaks for somebody else behind the "
                f"account.{note}"
            )
        elif answered.answer == "unknown":
            told.append(f"{subject}: '{question}' Nobody could tell.{note}")
    return tuple(told)


def against_by_finding(subject: str, finding: Mapping[str, Any]) -> tuple[str, ...]:
    """What the finding (its JSON, with pseudonyms) says against the subject; of a set, against each member."""
    whys = finding.get("why")
    told = [
        f"{subject}: {sentence}"
        for why in (whys if isinstance(whys, list) else ())
        if isinstance(why, dict) and why.get("principal") == subject and isinstance(why.get("against"), list)
        for sentence in why["against"]
        if isinstance(sentence, str)
    ]
    return tuple(told)


def unnamed_by_finding(subject: str, finding: Mapping[str, Any]) -> tuple[str, ...]:
    """That the finding names somebody else or nobody, where it does."""
    named = finding.get("named")
    if isinstance(named, list) and subject in named:
        return ()
    return (f"{subject}: the last finding of the case does not name this account ({finding.get('outcome')}).",)
