"""leaktrace: who inside gave customers' addresses to a seller, or that nobody did.

Each name is loaded when it is first used (PEP 562): a program that asks for the version does not wait for DuckDB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktrace.errors import LeaktraceError
from leaktrace.ondemand import on_demand
from leaktrace.version import __version__

if TYPE_CHECKING:
    from leaktrace.intake.evidence import read_evidence
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
if not TYPE_CHECKING:  # else a type checker would believe that every name is there
    __getattr__ = on_demand(
        __name__,
        {
            **dict.fromkeys(__all__, "records"),
            **dict.fromkeys(("Workspace", "create", "preview"), "workspace"),
            "open": "workspace:open_workspace",
            "read_evidence": "intake.evidence",
            "read_mail": "mailroom",
        },
    )
