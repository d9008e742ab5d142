"""'The account is not the person': what is asked before anybody asks to suspend somebody's access. Pure.

A name in a finding is an account. Each line below is a way in which the person behind the account can be innocent; each
is answered by a person (`yes`, `no`, `unknown`), for each subject. The log gives facts for some (`cases.oddities`); it
answers none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leaktrace.caserecords.evidenceevents import CheckAnswered


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list."""

    check: str
    question: str
    ask: str
    """Whom or what to ask."""
    weighs_if: str = "yes"
    """The answer that speaks for somebody else behind the account."""


CHECKS: tuple[Check, ...] = (
    Check(
        "shared_account",
        "Did more than one person use this account, or know its password?",
        "The team's lead and the register of accounts; a kiosk or a shared shift login counts.",
    ),
    Check(
        "service_account",
        "Is it a service account, a bot or an integration rather than one person's account?",
        "The register of accounts; the principals table says what it says about its kind.",
    ),
    Check(
        "stolen_session",
        "Is there a sign of a stolen session or token: two places at once, a new browser, a session without a sign-in?",
        "The sign-in log of the identity provider; the access log does not show it.",
    ),
    Check(
        "unusual_place",
        "Was the account used from a device, network or place that is not its own habit?",
        "Device management and VPN logs, and the facts from the access log beside this line.",
    ),
    Check(
        "unusual_use",
        "Were hours, tool or volume unlike this account's own habit when the customers in evidence were opened?",
        "The facts from the access log beside this line; shift plans and tickets.",
    ),
    Check(
        "password_reset",
        "Was the password or a second factor reset, or a new device enrolled, in the weeks before?",
        "The help desk and the identity provider's audit log.",
    ),
    Check(
        "ordered_work",
        "Were the accesses ordered: a campaign, an audit, a queue handed over, a ticket for each?",
        "The reasons in the access log, the team's lead, the work queue.",
    ),
    Check(
        "listed_work",
        "Was this account's work just customers whom somebody else may have on a list: one seller's, one product's, a "
        "desk's (refunds, escalations), or those who complained about an earlier mail?",
        "The team's lead and the work queue; the seller, where the addresses come from.",
    ),
    Check(
        "remote_help",
        "Did somebody else look at or steer the screen: remote support, training, a shared screen?",
        "The remote support tool's log.",
    ),
    Check(
        "absent",
        "Was the person on leave, ill or off shift when the customers in evidence were opened?",
        "Human resources, through the privacy officer.",
    ),
)
CHECK_NAMES: tuple[str, ...] = tuple(one.check for one in CHECKS)


def unanswered(subject: str, answers: Mapping[tuple[str, str], CheckAnswered]) -> tuple[str, ...]:
    """Checks of this subject that nobody answered yet, in the list's order."""
    return tuple(name for name in CHECK_NAMES if (subject, name) not in answers)


def speaking_for_another(subject: str, answers: Mapping[tuple[str, str], CheckAnswered]) -> tuple[str, ...]:
    """Checks whose answer says that somebody else may be behind the account; `unknown` says nothing."""
    weighs = {one.check: one.weighs_if for one in CHECKS}
    return tuple(
        name
        for name in CHECK_NAMES
        if (answered := answers.get((subject, name))) is not None and answered.answer == weighs[name]
    )
