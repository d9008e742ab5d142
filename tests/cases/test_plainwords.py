"""Free text of a case names nobody, and its refusal tells nobody who is who."""

from __future__ import annotations

import pytest

from leaktrace.cases.plainwords import nameless
from leaktrace.errors import CaseError

NAMES = {"u01693": "P-vjag", "u02044": "P-4k2m"}


def test_trying_ids_teaches_no_pseudonym() -> None:
    told = set()
    for name in NAMES:
        with pytest.raises(CaseError) as refused:
            nameless(f"asked {name} about the shift", NAMES, "note")
        assert not any(secret in str(refused.value) for pair in NAMES.items() for secret in pair)
        told.add(str(refused.value))
    # One sentence for all: which of them it was is not told either.
    assert len(told) == 1


@pytest.mark.parametrize("text", ["asked P-vjag about the shift", "u016930 is another", "team of xu01693"])
def test_other_words_stay_as_they_are(text: str) -> None:
    assert nameless(text, NAMES, "note") == text
