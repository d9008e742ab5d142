"""Free text at rest names no mailbox: what looks like an e-mail address becomes a keyed token.

The same address gives the same token, so that two tickets about one address can still be seen to be so.
"""

from __future__ import annotations

import re

import pyarrow as pa

from leaktrace.addresses import normalise
from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, bytes_of, compute, texts_of
from leaktrace.ledger.compiled.texts import MAY_NAME_AN_ADDRESS, looks_of

_AT_SIGNS = r"(?:@|%40|\uff20|\ufe6b)"
_STOPS = r"\s@<>()\[\],;:\"'"
# Starts only where a run of characters starts: each run is looked at once, however long it is.
_ADDRESS = re.compile(rf"(?<![^{_STOPS}])[^{_STOPS}]+{_AT_SIGNS}[^{_STOPS}]+", re.IGNORECASE)
_ANY_AT_SIGN = re.compile(_AT_SIGNS, re.IGNORECASE)


def redact(text: str, keyring: Keyring) -> str:
    """The text with every e-mail address replaced by `address:` and 16 hexadecimal digits."""

    def token(match: re.Match[str]) -> str:
        plain = _ANY_AT_SIGN.sub("@", match.group().rstrip("."), count=1)
        return f"address:{keyring.address_hash(normalise(plain) or plain)[:8].hex()}"

    return _ADDRESS.sub(token, text)


def redact_column(column: ArrowColumn, keyring: Keyring) -> ArrowColumn:
    """The same for a column of strings; each different text is looked at once."""
    if not looks_of(*bytes_of(column.drop_null())) & MAY_NAME_AN_ADDRESS:
        return column
    suspects = compute.match_substring_regex(column, "(?i)@|%40|\uff20|\ufe6b")
    if not compute.any(suspects).as_py():
        return column
    encoded = column.dictionary_encode()
    clean = pa.array([redact(text, keyring) for text in texts_of(encoded.dictionary)], pa.string())
    return clean.take(encoded.indices)
