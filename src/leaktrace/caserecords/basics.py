"""Words from closed lists that more than one record of a case is written with."""

from __future__ import annotations

from typing import Literal, get_args

ActionName = Literal[
    "contain_principal",
    "contain_seller",
    "undo_containment",
    "send_notices",
    "approve_translation",
    "publish_statement",
    "unmask",
    "hand_over",
    "forget",
    "retain",
    "split_campaign",
    "lift_hold",
]
"""What nobody does alone: each needs an approval by a second person."""
ACTIONS: tuple[ActionName, ...] = get_args(ActionName)

CaseState = Literal["open", "closed"]
CaseSource = Literal["finding", "mail", "tip", "hand"]
ContainmentState = Literal["contained", "not_confirmed", "failed", "undone"]
Certainty = Literal["confirmed", "likely", "possible"]
DutyAnswer = Literal["yes", "no", "probably_yes", "probably_no", "needs_a_human"]
