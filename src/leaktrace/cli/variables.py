"""The environment variables that leaktrace reads; one that is nearly called like them is told, not passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

VARIABLES = (
    "LEAKTRACE_CONTAIN",
    "LEAKTRACE_CUSTODY_ANCHOR",
    "LEAKTRACE_ENGINE",
    "LEAKTRACE_GATE",
    "LEAKTRACE_IMAP_PASSWORD",
    "LEAKTRACE_KEY_FILE",
    "LEAKTRACE_LAKE",
    "LEAKTRACE_MASTER",
    "LEAKTRACE_NEW_PASSPHRASE",
    "LEAKTRACE_NEW_PASSWORD",
    "LEAKTRACE_PASSPHRASE",
    "LEAKTRACE_PASSWORD",
    "LEAKTRACE_PERSON",
    "LEAKTRACE_PERSON_KEY",
    "LEAKTRACE_TRACEBACK",
    "LEAKTRACE_WORKSPACE",
)
_PREFIX = "LEAKTRACE_"
_ALIKE = 0.75
"""Of 1, without the prefix: others may have variables of their own that begin like ours."""


def misspelt(environment: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(variable, what was probably meant) of each that begins like ours, is none, and is nearly one."""
    endings = [one.removeprefix(_PREFIX) for one in VARIABLES]
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in VARIABLES:
            found = get_close_matches(name.removeprefix(_PREFIX), endings, n=1, cutoff=_ALIKE)
            if found:
                yield name, _PREFIX + found[0]
