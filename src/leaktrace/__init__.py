"""leaktrace: who inside gave customers' addresses to a seller, or that nobody did."""

from leaktrace.errors import LeaktraceError
from leaktrace.evidence import read_evidence
from leaktrace.mailroom import read_mail
from leaktrace.records import (
    Calibration,
    Campaign,
    Evidence,
    EvidenceItem,
    Finding,
    IngestPreview,
    IngestReport,
    Link,
    MailReport,
    MessageRecord,
)
from leaktrace.version import __version__
from leaktrace.workspace import Workspace, create, preview
from leaktrace.workspace import open_workspace as open  # noqa: A004 - `leaktrace.open` is the promised name

__all__ = [
    "Calibration",
    "Campaign",
    "Evidence",
    "EvidenceItem",
    "Finding",
    "IngestPreview",
    "IngestReport",
    "LeaktraceError",
    "Link",
    "MailReport",
    "MessageRecord",
    "Workspace",
    "__version__",
    "create",
    "open",
    "preview",
    "read_evidence",
    "read_mail",
]
