"""Notices to the people affected: planned from a frozen list, approved by two, sent at most once by a machine."""

from leaktrace.response.notices.bounces import NoBounce, NoticeBounce, read_bounce
from leaktrace.response.notices.claims import claiming
from leaktrace.response.notices.config import NoticeConfig, read_config
from leaktrace.response.notices.directory import Directory, open_directory
from leaktrace.response.notices.dkimsigner import load_signer
from leaktrace.response.notices.facts import MEASURES, SAFEGUARDS, NoticeFacts
from leaktrace.response.notices.mailform import Letterhead, MailForm
from leaktrace.response.notices.outbox import Outbox
from leaktrace.response.notices.outboxrows import Batch, BatchStatus, Left
from leaktrace.response.notices.planning import NoticePlan, PlanRules, facts_of, not_approved, planned, rules_of
from leaktrace.response.notices.relay import Relay, RelayAddress, SmtpRelay
from leaktrace.response.notices.rendering import Rendered
from leaktrace.response.notices.sending import Around, Sender, SendLimits, SendResult, Variant
from leaktrace.response.notices.states import Reconciled
from leaktrace.response.notices.templates import Template, TemplateShelf, composed
from leaktrace.response.notices.tokens import NoticeTokens
from leaktrace.response.notices.translations import approve_translation, translation_parameters
from leaktrace.response.notices.variants import filled, forms_of

__all__ = [
    "MEASURES",
    "SAFEGUARDS",
    "Around",
    "Batch",
    "BatchStatus",
    "Directory",
    "Left",
    "Letterhead",
    "MailForm",
    "NoBounce",
    "NoticeBounce",
    "NoticeConfig",
    "NoticeFacts",
    "NoticePlan",
    "NoticeTokens",
    "Outbox",
    "PlanRules",
    "Reconciled",
    "Relay",
    "RelayAddress",
    "Rendered",
    "SendLimits",
    "SendResult",
    "Sender",
    "SmtpRelay",
    "Template",
    "TemplateShelf",
    "Variant",
    "approve_translation",
    "claiming",
    "composed",
    "facts_of",
    "filled",
    "forms_of",
    "load_signer",
    "not_approved",
    "open_directory",
    "planned",
    "read_bounce",
    "read_config",
    "rules_of",
    "translation_parameters",
]
