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
    IngestReport,
    Link,
    MailReport,
    MessageRecord,
)
from leaktrace.version import __version__
from leaktrace.workspace import Workspace, create
from leaktrace.workspace import open_workspace as open  # noqa: A004 - `leaktrace.open` is the promised name

__all__ = [
    "Calibration",
    "Campaign",
    "Evidence",
    "EvidenceItem",
    "Finding",
    "IngestReport",
    "LeaktraceError",
    "Link",
    "MailReport",
    "MessageRecord",
    "Workspace",
    "__version__",
    "create",
    "open",
    "read_evidence",
    "read_mail",
]
