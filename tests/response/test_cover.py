"""The cover report: what a prosecutor reads, in any script, the same each time, and never surer than its source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.caserecords import CheckAnswered
from leaktrace.caserecords.against import NOTHING
from leaktrace.errors import ResponseError
from leaktrace.response.bundle import fingerprint_of, grouped
from leaktrace.response.bundle.cover import cover_report
from leaktrace.response.bundle.facts import how_sure, in_short, one_in, percent, what_is_not_known, what_speaks_against
from leaktrace.response.bundle.fonts import has_all_letters, markup, register
from tests.response.made_cases import CALIBRATION, EVERYWHERE, FINDING, PUBLIC_KEY, RECIPIENT, made_input


@pytest.fixture(scope="session")
def poppler() -> None:
    """Skips where pdftotext is missing; on the build machine that is a failure."""
    if shutil.which("pdftotext") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the Debian package poppler-utils is missing; make system-deps installs it")
        pytest.skip("the Debian package poppler-utils is missing")


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "cover.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", "cover.pdf", "-"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout.decode()


def words_of(pdf: bytes, folder: Path) -> str:
    return " ".join(text_of(pdf, folder).split())


def test_it_says_what_is_known_how_sure_and_what_is_not(poppler: None, tmp_path: Path) -> None:
    text = words_of(cover_report(made_input()), tmp_path)
    for part in (
        "point to the account P-4f1c",
        "99.8 %",
        "had opened 17 of these customers' records",
        "would have opened about 0.4",
        "The mails are tied to the seller",
        "Who sent them and who inside is the source are two claims",
        "Of 800 planted campaigns with a source inside, it named rightly 611 times, named wrongly 0 times",
        "at most 4 in 1,000",
        "An account is not a person",
        "what a source copied without opening a record",
        "No timestamp authority vouches",
        "12 customers: 3 confirmed, 0 likely, 9 possible",
        "A-0002: hand over, Cybercrime unit, file 12/2026. Asked for by ada, approved by ben.",
        "privileged advice of counsel",
        RECIPIENT,
    ):
        assert part in text, part


def test_it_prints_the_fingerprint_and_every_digest(poppler: None, tmp_path: Path) -> None:
    given = made_input()
    text = words_of(cover_report(given), tmp_path)
    fingerprint = fingerprint_of(PUBLIC_KEY)
    assert grouped(fingerprint) in text
    assert f"--key \\ {fingerprint}" in text
    for one in given.exhibits:
        assert one.stored.sha256 in text


def test_no_customer_is_named(poppler: None, tmp_path: Path) -> None:
    given = made_input()
    assert given.exposure is not None
    text = text_of(cover_report(given), tmp_path)
    for row in given.exposure.rows:
        assert row.customer not in text


def test_pages_are_numbered(poppler: None, tmp_path: Path) -> None:
    pages = text_of(cover_report(made_input()), tmp_path).rstrip("\f\n").split("\f")
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"page {number} of {len(pages)}" in page


def test_the_same_case_gives_the_same_bytes() -> None:
    assert cover_report(made_input()) == cover_report(made_input())


def test_scripts_without_letters_are_marked_not_drawn_wrongly(poppler: None, tmp_path: Path) -> None:
    text = words_of(cover_report(made_input(title="نشت نشانی‌ها")), tmp_path)
    assert "[Arabic, 11 letters]" in text
    assert "All stand in full in data/timeline.csv" in text


def test_plain_cases_have_no_such_note(poppler: None, tmp_path: Path) -> None:
    given = made_input()
    plain = tuple(one for one in given.events if one.entry.kind not in ("NoteAdded", "ExhibitStored"))
    assert "no letters for" not in words_of(cover_report(replace(given, events=plain)), tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=400))
def test_no_title_breaks_it(title: str) -> None:
    register()
    assert cover_report(replace(SMALL, title=title or "-", recipient=title or "-")).startswith(b"%PDF")


@given(st.text())
def test_markup_is_never_obeyed(text: str) -> None:
    register()
    shown = markup(f"<b>{text}</b><para>")
    assert "<b>" not in shown
    assert "<para>" not in shown


def test_letters_are_known() -> None:
    register()
    assert has_all_letters("Grüße, “Übung” – 12 %")
    assert not has_all_letters(EVERYWHERE)
    assert not has_all_letters("かな")
    assert "HeiseiKakuGo-W5" in markup("かな漢字")
    assert "HYGothic-Medium" in markup("새 사건")
    assert "STSong-Light" in markup("数据泄漏")
    assert markup("\u202eabc") == "abc"


SMALL = replace(made_input(), events=(), exhibits=(), finding=None, calibration=None)


def test_a_case_without_a_finding_accuses_nobody(poppler: None, tmp_path: Path) -> None:
    text = words_of(cover_report(SMALL), tmp_path)
    assert "accuses nobody" in text
    assert "P-4f1c" not in text


def test_what_speaks_against_is_on_it(poppler: None, tmp_path: Path) -> None:
    given = made_input()
    answers = (
        CheckAnswered("P-4f1c", "shared_account", "no", "one badge"),
        CheckAnswered("P-4f1c", "shared_account", "yes", "E-0009, the register"),
        CheckAnswered("P-4f1c", "absent", "unknown"),
        CheckAnswered("P-4f1c", "ordered_work", "no"),
    )
    events = given.events + tuple(replace(given.events[-1], event=one) for one in answers)
    sentence = "A colleague had been shown 16 of the 18 as well."
    finding = {**FINDING, "why": [{"principal": "P-4f1c", "against": [sentence]}, {"principal": "P-09aa"}]}
    text = words_of(cover_report(replace(given, events=events, finding=json.dumps(finding).encode())), tmp_path)
    against = text[text.index("4. What speaks against it") : text.index("5. Whose data")]
    assert "Did more than one person use this account, or know its password?' Answered: yes." in against
    assert "It rests on: E-0009, the register" in against
    assert "off shift when the customers in evidence were opened?' Nobody could tell." in against
    assert f"P-4f1c: {sentence}" in against
    assert "one badge" not in against, "a later answer stands for the earlier one"
    assert "ticket for each" not in against
    assert "section 4 what speaks against it" in text


def test_a_subject_whom_the_finding_does_not_name_is_told_as_that() -> None:
    finding = {**FINDING, "outcome": "undecided", "named": []}
    told = what_speaks_against(made_input(), finding)
    assert told == ["P-4f1c: the last finding of the case does not name this account (undecided)."]
    assert what_speaks_against(made_input(), FINDING) == [NOTHING]
    assert what_speaks_against(SMALL, {}) == ["No account is suspected here."]


@pytest.mark.parametrize("outcome", ["nobody", "undecided", "named", "else"])
def test_only_a_name_is_a_name(outcome: str) -> None:
    told = in_short({**FINDING, "outcome": outcome, "named": []})
    assert "P-" not in told


def test_an_unmeasured_finder_says_so() -> None:
    assert "was not measured" in how_sure({})[0]
    assert any("at most 8 in 1,000" in line for line in how_sure(CALIBRATION))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, "over 99.9 %"),
        (0.9899, "98.9 %"),
        (0.5, "50 %"),
        (0.0, "under 0.1 %"),
        (None, "not known"),
        ("x", "not known"),
    ],
)
def test_chances_are_rounded_away_from_certainty(value: Any, said: str) -> None:
    assert percent(value) == said


def test_error_bounds_are_rounded_up() -> None:
    assert one_in(0.0) == "at most 1 in 1,000"
    assert one_in(0.0041) == "at most 5 in 1,000"
    assert one_in(float("nan")) == "not known"


@pytest.mark.parametrize("content", [b"[]", b"no json", b"\xff", b"[" * 100_000])
def test_a_finding_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ResponseError):
        cover_report(replace(SMALL, finding=content))


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*FINDING, *CALIBRATION, "principals", "probability", "why", "principal", "against"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_any_object_is_read_without_a_fault(document: Any) -> None:
    content = json.dumps({"finding": document, **(document if isinstance(document, dict) else {})}).encode()
    assert cover_report(replace(SMALL, finding=content, calibration=content)).startswith(b"%PDF")


def test_what_the_log_lacks_is_said_in_full_and_no_sentence_ends_twice() -> None:
    gap = {"sentence": "The log starts on 2024-06-30, 383 days after the window."}
    finding = {"log_coverage": {"sentence": "1 thing to know about the log.", "gaps": [gap]}}
    calibration = {"assumes": ["The log is complete."], "does_not_show": ["Forged reports"], "pooled": [
        {"report_count": None, "campaign_count": 20, "has_source": False, "named_wrongly_upper_probability": 0.14}
    ]}  # fmt: skip
    told = [*what_is_not_known(made_input(), finding, calibration), *how_sure(calibration)]
    assert gap["sentence"] in told
    assert "The trial runs do not show: Forged reports." in told
    assert "This assumes: The log is complete." in told
