"""Frozen records that cross rooms. Each field says its meaning and unit.

Times are aware UTC and end in `_at`; windows are half-open `[start, end)`; probabilities are in [0, 1];
`_bits` are log2. A record's attributes are its JSON keys, same names (`to_document`).

Customers and principals inside the ledger go by keyed 64-bit numbers (`CustomerKey`, `PrincipalKey`); the names
people wrote are in encrypted dictionaries and appear only at the edges.
"""

from leaktrace.records.accesses import AccessOrigin, AccessRows, ChannelUses, Exposures, PersonLookup, Totals
from leaktrace.records.basics import (
    EVERY_FIELD,
    CustomerKey,
    Grade,
    Instants,
    Keys,
    Outcome,
    PrincipalKey,
    PrincipalKind,
    Window,
)
from leaktrace.records.calibration import Calibration, CalibrationKind, CalibrationRow, ReliabilityBin, TeamTies
from leaktrace.records.campaigns import (
    Campaign,
    CampaignDecision,
    CampaignDetail,
    CampaignLikeness,
    CampaignMember,
    SellerClue,
    SellerTerm,
)
from leaktrace.records.coverage import CoverageGap, LogCoverage
from leaktrace.records.document import to_document, to_json
from leaktrace.records.evidence import Evidence, EvidenceItem, EvidenceKind
from leaktrace.records.exposure import CallBack, ExposedCustomer, Exposure, ExposureStatus, MailedEstimate
from leaktrace.records.facts import CustomerTable, PrincipalFacts, SellerFacts
from leaktrace.records.finding import (
    Candidate,
    EvidenceSummary,
    Finding,
    MatchedOn,
    PrincipalSet,
    Provenance,
    Undecided,
    UndecidedCode,
)
from leaktrace.records.genuineness import (
    Arrival,
    Authentication,
    DkimResult,
    DmarcPolicy,
    DmarcResult,
    DmarcVerdict,
    KnownBy,
    SpfResult,
    SpfVerdict,
)
from leaktrace.records.ingest import TABLES, IngestPreview, IngestReport, PreviewReject, PreviewRow
from leaktrace.records.linking import Link, LinkOutcome, LinkProvenance, LinkSide, LinkTerm, LinkTermName
from leaktrace.records.mail import (
    FeedbackFacts,
    Mailbox,
    MailReport,
    MessageKind,
    MessageRecord,
    Original,
    OriginalForm,
    Recipient,
)
from leaktrace.records.prior import ErrorBudget, Prior, PriorSource
from leaktrace.records.simulation import SimulationTruth
from leaktrace.records.texts import shown_cell
from leaktrace.records.upkeep import (
    Compaction,
    Erasure,
    LedgerAct,
    LedgerActs,
    LedgerCheck,
    LedgerProblem,
    LedgerStats,
    LegalHold,
    Reindexed,
    Retention,
)
from leaktrace.records.why import Alternative, Explanation, ReportTerm, Why

__all__ = [
    "EVERY_FIELD",
    "TABLES",
    "AccessOrigin",
    "AccessRows",
    "Alternative",
    "Arrival",
    "Authentication",
    "Calibration",
    "CalibrationKind",
    "CalibrationRow",
    "CallBack",
    "Campaign",
    "CampaignDecision",
    "CampaignDetail",
    "CampaignLikeness",
    "CampaignMember",
    "Candidate",
    "ChannelUses",
    "Compaction",
    "CoverageGap",
    "CustomerKey",
    "CustomerTable",
    "DkimResult",
    "DmarcPolicy",
    "DmarcResult",
    "DmarcVerdict",
    "Erasure",
    "ErrorBudget",
    "Evidence",
    "EvidenceItem",
    "EvidenceKind",
    "EvidenceSummary",
    "Explanation",
    "ExposedCustomer",
    "Exposure",
    "ExposureStatus",
    "Exposures",
    "FeedbackFacts",
    "Finding",
    "Grade",
    "IngestPreview",
    "IngestReport",
    "Instants",
    "Keys",
    "KnownBy",
    "LedgerAct",
    "LedgerActs",
    "LedgerCheck",
    "LedgerProblem",
    "LedgerStats",
    "LegalHold",
    "Link",
    "LinkOutcome",
    "LinkProvenance",
    "LinkSide",
    "LinkTerm",
    "LinkTermName",
    "LogCoverage",
    "MailReport",
    "Mailbox",
    "MailedEstimate",
    "MatchedOn",
    "MessageKind",
    "MessageRecord",
    "Original",
    "OriginalForm",
    "Outcome",
    "PersonLookup",
    "PreviewReject",
    "PreviewRow",
    "PrincipalFacts",
    "PrincipalKey",
    "PrincipalKind",
    "PrincipalSet",
    "Prior",
    "PriorSource",
    "Provenance",
    "Recipient",
    "Reindexed",
    "ReliabilityBin",
    "ReportTerm",
    "Retention",
    "SellerClue",
    "SellerFacts",
    "SellerTerm",
    "SimulationTruth",
    "SpfResult",
    "SpfVerdict",
    "TeamTies",
    "Totals",
    "Undecided",
    "UndecidedCode",
    "Why",
    "Window",
    "shown_cell",
    "to_document",
    "to_json",
]
