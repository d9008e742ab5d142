"""Who signed what: people's keys and passwords, DSSE envelopes, approvals by two."""

from leaktrace.cases.signing.approval import (
    Asked,
    Standing,
    approve_envelope,
    payload_of,
    request_envelope,
    verify_approval,
)
from leaktrace.cases.signing.keys import (
    PersonKey,
    load_person_key,
    make_person_key,
    needs_passphrase,
    person_key_path,
)
from leaktrace.cases.signing.passwords import Passwords

__all__ = [
    "Asked",
    "Passwords",
    "PersonKey",
    "Standing",
    "approve_envelope",
    "load_person_key",
    "make_person_key",
    "needs_passphrase",
    "payload_of",
    "person_key_path",
    "request_envelope",
    "verify_approval",
]
