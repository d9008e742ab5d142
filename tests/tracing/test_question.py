"""Cut-offs and merged evidence: what counts as shown in time (guard 4), whatever the order of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.instants import FIRST, LAST, instant_at, microseconds
from leaktrace.intake.evidence import merged_items
from leaktrace.records import Evidence, EvidenceItem
from leaktrace.settings import Settings
from leaktrace.tracing.question import cases_of, question_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = Settings()

times = st.none() | st.integers(0, 90).map(lambda days: NOON + days * DAY)
items = st.builds(
    EvidenceItem,
    customer=st.sampled_from(["c1", "c2", "c3"]),
    kind=st.sampled_from(["report", "listed", "decoy"]),
    received_at=times,
    reported_at=times,
    grade=st.sampled_from(["G0", "G1", "G2", "G3", "G4"]),
    reporter=st.none() | st.sampled_from(["r1", "r2"]),
    source=st.sampled_from(["a", "b"]),
)


def cases(*found: EvidenceItem) -> list[tuple[datetime, datetime, bool]]:
    question = question_of(Evidence(found, "e"), "email", SETTINGS)
    made = cases_of(question, SETTINGS, np.zeros(len(question.items), dtype=np.bool_))
    return [(instant_at(case.sure_at), instant_at(case.late_at), case.mailed) for case in made]


@given(st.lists(items, max_size=8), st.randoms())
def test_the_order_of_rows_is_nothing(found: list[EvidenceItem], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merged_items(found) == merged_items(shuffled)


@given(st.lists(items, max_size=8))
def test_a_report_told_twice_is_one(found: list[EvidenceItem]) -> None:
    assert merged_items(found) == merged_items(found + found)
    assert len(merged_items(found)) == len({item.customer for item in found})


@given(st.integers(-(10**15), 4 * 10**15))
def test_microseconds_go_there_and_back(value: int) -> None:
    assert microseconds(instant_at(value)) == value


@given(st.sampled_from([FIRST, FIRST + DAY, LAST - DAY, LAST]), st.booleans())
def test_evidence_at_the_ends_of_time_has_a_window(at: datetime, told_only: bool) -> None:
    item = EvidenceItem("c1", reported_at=at) if told_only else EvidenceItem("c1", received_at=at)
    question = question_of(Evidence((item,), "e"), "email", SETTINGS)
    assert FIRST <= question.start_at <= at
    ((sure, late, _),) = cases(item)
    assert sure <= late == at


def test_the_cut_is_the_customers_own_mail() -> None:
    first, second = EvidenceItem("c1", received_at=NOON), EvidenceItem("c2", received_at=NOON + 5 * DAY)
    assert cases(first, second) == [(NOON, NOON, True), (NOON + 5 * DAY, NOON + 5 * DAY, True)]


def test_a_mail_cannot_come_after_its_complaint() -> None:
    assert cases(EvidenceItem("c1", received_at=NOON + DAY, reported_at=NOON)) == [(NOON, NOON, True)]


def test_what_lies_between_is_neither_for_nor_against() -> None:
    told = EvidenceItem("c2", reported_at=NOON + 40 * DAY)
    known = EvidenceItem("c1", received_at=NOON + 35 * DAY)
    assert cases(known, told)[1] == (NOON + 10 * DAY, NOON + 40 * DAY, True)
    early = EvidenceItem("c1", received_at=NOON + 3 * DAY)
    assert cases(early, told)[1] == (NOON + 3 * DAY, NOON + 40 * DAY, True)


def test_complaints_alone_count_what_was_opened_well_before_them() -> None:
    assert cases(EvidenceItem("c1", reported_at=NOON)) == [(NOON - 30 * DAY, NOON, True)]


def test_a_silent_decoy_was_not_mailed() -> None:
    made = cases(EvidenceItem("c1", received_at=NOON), EvidenceItem("d1", kind="decoy"))
    assert [mailed for _, _, mailed in made] == [True, False]
