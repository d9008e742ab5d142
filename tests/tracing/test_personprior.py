"""Weights from elsewhere: read, bounded, and refused with the row and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktrace.errors import UsageError
from leaktrace.tracing.personprior import person_prior_of, read_person_prior


def written(folder: Path, text: str) -> Path:
    path = folder / "weights.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_weights_are_read_and_bounded(tmp_path: Path) -> None:
    told = read_person_prior(written(tmp_path, "\ufeffweight,note,principal\n2,x,sara\n1000,,ali\n0.001,,omid\n\n"))
    assert told.weights == {"sara": 2.0, "ali": 10.0, "omid": 0.1}
    assert told.clipped == {"ali", "omid"}
    assert len(told.digest) == 64


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column principal"),
        ("principal\nsara\n", "no column weight"),
        ("principal,weight\nsara,2\nali,many\n", "row 2 has no positive number"),
        ("principal,weight\nsara,0\n", "row 1 has no positive number"),
        ("principal,weight\nsara,-1\n", "row 1 has no positive number"),
        ("principal,weight\nsara,nan\n", "row 1 has no positive number"),
        ("principal,weight\nsara,inf\n", "row 1 has no positive number"),
        ("principal,weight\n,2\n", "row 1 has no principal"),
        ("principal,weight\nsara\n", "row 1 has too few columns"),
        ("principal,weight\nsara,1\nsara,2\n", "row 2 names a principal that an earlier row has"),
        ('principal,weight\n"sara,1\n', "no CSV file"),
    ],
)
def test_a_bad_file_is_refused_with_row_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        read_person_prior(written(tmp_path, text))
    assert error.value.hint


def test_what_is_no_text_or_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    with pytest.raises(UsageError, match="cannot be read"):
        read_person_prior(path)
    path.write_bytes(b"principal,weight\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match="UTF-8"):
        read_person_prior(path)


def test_weights_from_python_are_checked_too() -> None:
    assert person_prior_of({"sara": 99.0}).weights == {"sara": 10.0}
    with pytest.raises(UsageError, match="no positive number"):
        person_prior_of({"sara": float("nan")})
