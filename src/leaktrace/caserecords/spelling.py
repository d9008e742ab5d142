"""The one spelling of a document that is hashed and signed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from leaktrace.errors import UsageError
from leaktrace.records import to_document


def canonical(document: Any) -> bytes:
    """The one spelling of a JSON document that is hashed and signed: sorted keys, no blanks, UTF-8.

    No floats inside: they have more than one spelling; write them as text. UsageError for what no such text can hold.
    """
    try:
        return json.dumps(
            to_document(document), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
        ).encode("utf-8")
    except ValueError:
        # Not `from error`: it holds the text.
        raise UsageError(
            "What is to be written down holds what JSON cannot: a text that is not UTF-8, or a number that is none.",
            "Look at how the terminal, or the file, is encoded.",
        ) from None


def digest_of(document: Any) -> str:
    """SHA-256, in hex, of the canonical spelling."""
    return hashlib.sha256(canonical(document)).hexdigest()
