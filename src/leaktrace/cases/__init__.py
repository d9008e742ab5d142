"""Cases: what was done about a leak, by whom, and how that is proven afterwards."""

from leaktrace.caserecords.checks import CHECKS, Check
from leaktrace.cases.approvals import ApprovalLine
from leaktrace.cases.case import Case, Request
from leaktrace.cases.casefile import CaseFile, CaseLine, CheckLine, FindingParts
from leaktrace.cases.exhibits import ExhibitStore
from leaktrace.cases.exposure import Residence, Shown, exposure_list
from leaktrace.cases.guard import Premises
from leaktrace.cases.identity import Actor, IdentityProvider, KeyFileSignIn, PasswordSignIn
from leaktrace.cases.inside import Inside
from leaktrace.cases.mailfields import MailFields, MailText, fields_in_mails
from leaktrace.cases.oddities import AccountUse, HabitFact, habit_facts
from leaktrace.cases.opening import CaseMaterial, CaseWork, Opened
from leaktrace.cases.people import People, key_id_of
from leaktrace.cases.peopledesk import PeopleDesk, enrol_first
from leaktrace.cases.store import CaseStore

__all__ = [
    "CHECKS",
    "AccountUse",
    "Actor",
    "ApprovalLine",
    "Case",
    "CaseFile",
    "CaseLine",
    "CaseMaterial",
    "CaseStore",
    "CaseWork",
    "Check",
    "CheckLine",
    "ExhibitStore",
    "FindingParts",
    "HabitFact",
    "IdentityProvider",
    "Inside",
    "KeyFileSignIn",
    "MailFields",
    "MailText",
    "Opened",
    "PasswordSignIn",
    "People",
    "PeopleDesk",
    "Premises",
    "Request",
    "Residence",
    "Shown",
    "enrol_first",
    "exposure_list",
    "fields_in_mails",
    "habit_facts",
    "key_id_of",
]
