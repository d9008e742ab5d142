"""The evidence bundle: what is handed to the police, and how it is checked without trusting us."""

from leaktrace.response.bundle.files import bundle_files, published
from leaktrace.response.bundle.inputs import (
    ApprovalEnvelope,
    BundledAccess,
    BundledExhibit,
    BundleInput,
    HandOver,
    Sign,
    TimestampToken,
    hand_over,
)
from leaktrace.response.bundle.signing import fingerprint_of, grouped
from leaktrace.response.bundle.writing import (
    WrittenBundle,
    check_target,
    record_bundle,
    use_hand_over,
    write_bundle,
)

__all__ = [
    "ApprovalEnvelope",
    "BundleInput",
    "BundledAccess",
    "BundledExhibit",
    "HandOver",
    "Sign",
    "TimestampToken",
    "WrittenBundle",
    "bundle_files",
    "check_target",
    "fingerprint_of",
    "grouped",
    "hand_over",
    "published",
    "record_bundle",
    "use_hand_over",
    "write_bundle",
]
