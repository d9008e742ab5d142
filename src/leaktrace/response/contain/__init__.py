"""Stopping an insider's access or a seller: plan, two people, act, read back."""

from __future__ import annotations

from leaktrace.caserecords import ContainmentOutcome, ContainmentPlan, StatementOfReasons
from leaktrace.response.contain.casefile import CaseFile
from leaktrace.response.contain.config import ContainConfig, System, read_config
from leaktrace.response.contain.executor import Containment, outcome_exit_code
from leaktrace.response.contain.http import Http, HttpAnswer, Secret, UnreachableError, Urllib3Http, secret_from_file
from leaktrace.response.contain.interface import Connector, SellerFacts, Snapshot, Target
from leaktrace.response.contain.okta import OktaConnector
from leaktrace.response.contain.plan import parameters_of, people_refusals, plan_of
from leaktrace.response.contain.reasons import statement_of_reasons, statement_text
from leaktrace.response.contain.scim import ScimConnector
from leaktrace.response.contain.sessions import SessionCall
from leaktrace.response.contain.webhook import WebhookConnector, signed_headers, verified_body

__all__ = [
    "CaseFile",
    "Connector",
    "ContainConfig",
    "Containment",
    "ContainmentOutcome",
    "ContainmentPlan",
    "Http",
    "HttpAnswer",
    "OktaConnector",
    "ScimConnector",
    "Secret",
    "SellerFacts",
    "SessionCall",
    "Snapshot",
    "StatementOfReasons",
    "System",
    "Target",
    "UnreachableError",
    "Urllib3Http",
    "WebhookConnector",
    "outcome_exit_code",
    "parameters_of",
    "people_refusals",
    "plan_of",
    "read_config",
    "secret_from_file",
    "signed_headers",
    "statement_of_reasons",
    "statement_text",
    "verified_body",
]
