"""The closed set of events. Nothing else is ever written into a case."""

from __future__ import annotations

from typing import Any, get_args

from leaktrace.caserecords.actionevents import (
    ActionApproved,
    ActionRefused,
    ActionRequested,
    ActionUsed,
    ApprovalJustified,
    ContainmentConfirmed,
    ContainmentStepDone,
    IdentityUnmasked,
)
from leaktrace.caserecords.courseevents import (
    CaseClosed,
    CaseOpened,
    CaseReopened,
    LegalHoldSet,
    NoteAdded,
    PersonAdmitted,
    PersonChanged,
    PersonEnrolled,
    PersonLockedOut,
)
from leaktrace.caserecords.evidenceevents import (
    BundleWritten,
    CheckAnswered,
    DutiesAssessed,
    ExhibitStored,
    ExposureFrozen,
    FindingAttached,
    SubjectSet,
)
from leaktrace.caserecords.publicevents import (
    GateAnswered,
    NoticesPlanned,
    NoticesReconciled,
    StatementDrafted,
    StatementPublished,
    TranslationApproved,
)

CaseEvent = (
    CaseOpened
    | NoteAdded
    | PersonAdmitted
    | PersonLockedOut
    | ExhibitStored
    | FindingAttached
    | SubjectSet
    | CheckAnswered
    | ExposureFrozen
    | DutiesAssessed
    | ActionRequested
    | ApprovalJustified
    | ActionApproved
    | ActionRefused
    | ActionUsed
    | ContainmentStepDone
    | ContainmentConfirmed
    | IdentityUnmasked
    | TranslationApproved
    | NoticesPlanned
    | NoticesReconciled
    | StatementDrafted
    | GateAnswered
    | StatementPublished
    | LegalHoldSet
    | BundleWritten
    | CaseClosed
    | CaseReopened
    | PersonEnrolled
    | PersonChanged
)
EVENT_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(CaseEvent)}
