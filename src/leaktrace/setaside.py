"""Rejects files of mail and evidence: what could not be used, where it stands and why; whole or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaktrace.folder import write_aside
from leaktrace.keys import Keyring
from leaktrace.ledger.redaction import redact


def write_rejects(
    path: Path, rejected: Sequence[tuple[Path, Mapping[str, Any]]], keyring: Keyring, *, before: str = ""
) -> None:
    """One JSON object a line, 0600: the name of the file it stands in, and what is said of it. `before`: lines to keep.

    A file's name may hold a customer's address; it is replaced by a keyed token.
    """
    documents = [{"file": redact(file.name, keyring), **told} for file, told in rejected]
    # ASCII escapes: a name that is no UTF-8 can be written all the same.
    write_aside(path, before + "".join(json.dumps(one, ensure_ascii=True) + "\n" for one in documents))
