"""The state machine of a case: every rule with the move it refuses, and properties over whole histories."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace import eventwords
from leaktrace.caserecords import (
    EVENT_KINDS,
    ActionApproved,
    ActionName,
    ActionRefused,
    ActionRequested,
    ActionUsed,
    BundleWritten,
    CaseClosed,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    CheckAnswered,
    ContainmentConfirmed,
    ContainmentStepDone,
    ExhibitStored,
    ExposureFrozen,
    FindingAttached,
    GateAnswered,
    IdentityUnmasked,
    LegalHoldSet,
    NoteAdded,
    NoticesPlanned,
    NoticesReconciled,
    PersonAdmitted,
    PersonLockedOut,
    StatementDrafted,
    StatementPublished,
    SubjectSet,
    TranslationApproved,
    event_document,
)
from leaktrace.caserecords.checks import CHECK_NAMES, CHECKS, speaking_for_another, unanswered
from leaktrace.cases.case import Case
from leaktrace.cases.codec import event_bytes, event_from
from leaktrace.cases.state import CASE_EVENTS, PEOPLE_EVENTS, apply, opened
from leaktrace.errors import CaseError

AT = datetime(2026, 3, 1, tzinfo=UTC)
SHA, OTHER = "a" * 64, "b" * 64
Step = tuple[str, CaseEvent]


class History:
    """A case while it is told; every step a minute later."""

    def __init__(self, *steps: CaseEvent | Step) -> None:
        self.at = AT
        self.case = opened("K-1", CaseOpened("A title", "hand"), "ina", AT)
        self.then(*steps)

    def then(self, *steps: CaseEvent | Step) -> History:
        for step in steps:
            actor, event = step if isinstance(step, tuple) else ("ina", step)
            self.at += timedelta(minutes=1)
            self.case = apply(self.case, event, actor, self.at)
        return self

    def refuses(self, step: CaseEvent | Step, words: str) -> None:
        before = self.case
        with pytest.raises(CaseError, match=words) as refusal:
            self.then(step)
        assert refusal.value.hint, "says what to do next"
        assert self.case is before


def exhibit(number: int, kind: Any = "document", sha256: str = SHA) -> ExhibitStored:
    return ExhibitStored(f"E-{number:04d}", kind, "Something", sha256, 1, "text/plain")


def asked(action: ActionName, target: str = "x", number: int = 1, hours: float = 24) -> ActionRequested:
    return ActionRequested(f"A-{number:04d}", action, target, SHA, AT + timedelta(hours=hours), "needed")


def granted(action: ActionName, target: str = "x", number: int = 1) -> tuple[CaseEvent | Step, ...]:
    request = f"A-{number:04d}"
    return (
        asked(action, target, number),
        ("dana", ActionApproved(request, SHA)),
        ActionUsed(request, SHA),
    )


SUBJECTS = SubjectSet(("P-aaaa",), ("s1",), "the finding")
ANSWERS = tuple(CheckAnswered("P-aaaa", check, "no") for check in CHECK_NAMES)
FROZEN = (exhibit(1, "exposure"), ExposureFrozen("E-0001", SHA, 3, {"email": 3}, "yes"))


# --- the set of events is closed ----------------------------------------------------------------------------


def test_every_kind_of_event_has_a_move_and_a_sentence() -> None:
    assert {*CASE_EVENTS, *PEOPLE_EVENTS} == set(EVENT_KINDS.values())
    assert set(eventwords.TOLD) == set(EVENT_KINDS.values())


def test_no_event_removes_anything() -> None:
    assert not [name for name in EVENT_KINDS if any(word in name for word in ("Delet", "Remov", "Erase"))]


# --- the rules, by number -----------------------------------------------------------------------------------


def test_1_a_case_begins_once() -> None:
    with pytest.raises(CaseError):
        opened("K-1", NoteAdded("x"), "ina", AT)
    with pytest.raises(CaseError, match="title"):
        opened("K-1", CaseOpened("  ", "hand"), "ina", AT)
    History().refuses(CaseOpened("again", "hand"), "does not belong")


def test_2_after_closing_only_reopening() -> None:
    history = History(CaseClosed("undecided", "no more can be learned"))
    for event in (NoteAdded("x"), LegalHoldSet(True, "x"), PersonLockedOut("olaf", "x"), CaseClosed("error", "x")):
        history.refuses(event, "closed")
    assert history.then(CaseReopened("news")).case.state == "open"
    history.refuses(CaseReopened("again"), "is open")


@pytest.mark.parametrize("decided", [(), (("dana", ActionApproved("A-0001", SHA)),)])
def test_2_what_waited_when_the_case_closed_is_void(decided: tuple[Step, ...]) -> None:
    history = History(asked("hand_over"), *decided, CaseClosed("undecided", "x"), CaseReopened("x"))
    history.refuses(("dana", ActionApproved("A-0001", SHA)), "is void")
    history.refuses(ActionUsed("A-0001", SHA), "is void")


def test_2_a_source_is_found_only_where_there_is_a_subject_inside() -> None:
    History().refuses(CaseClosed("source_found", "x"), "no subject inside|has no subject|subject inside")
    History(SUBJECTS, CaseClosed("source_found", "x"))


def test_3_time_and_actor() -> None:
    case = History(NoteAdded("x")).case
    with pytest.raises(CaseError, match="before"):
        apply(case, NoteAdded("y"), "ina", AT)
    with pytest.raises(CaseError, match="zone"):
        apply(case, NoteAdded("y"), "ina", datetime(2027, 1, 1))  # noqa: DTZ001 - the fault that is looked for
    with pytest.raises(CaseError, match="Nobody"):
        apply(case, NoteAdded("y"), " ", AT + timedelta(days=1))


def test_4_locked_out_is_for_ever() -> None:
    history = History(PersonAdmitted("olaf", ("privacy_officer",)), PersonLockedOut("olaf", "a relative"))
    history.refuses(("olaf", NoteAdded("x")), "locked out")
    history.refuses(PersonAdmitted("olaf", ("investigator",)), "locked out")
    history.refuses(PersonLockedOut("olaf", "again"), "already")
    history.then(CaseClosed("error", "x"), CaseReopened("x")).refuses(("olaf", NoteAdded("x")), "locked out")


def test_4_an_admin_is_admitted_to_nothing() -> None:
    History().refuses(PersonAdmitted("root", ("admin",)), "admin")
    History().refuses(PersonAdmitted("x", ()), "without a role")


def test_5_numbers_count_up() -> None:
    history = History(exhibit(1))
    history.refuses(exhibit(1), "next exhibit is E-0002")
    history.refuses(exhibit(3), "next exhibit is E-0002")
    history.then(asked("hand_over"))
    history.refuses(asked("hand_over"), "next request is A-0002")
    history.refuses(replace(exhibit(2), sha256="A" * 64), "SHA-256")


@pytest.mark.parametrize(
    "citing",
    [
        FindingAttached("E-0001", "c", "named", (), None, None),
        ExposureFrozen("E-0001", SHA, 0, {}, "yes"),
        StatementDrafted("E-0001", SHA),
    ],
)
def test_6_what_is_cited_is_there_and_of_that_kind(citing: CaseEvent) -> None:
    History().refuses(citing, "E-0001 is not")
    History(exhibit(1, "document")).refuses(citing, "E-0001 is not")
    kind = {"FindingAttached": "finding", "ExposureFrozen": "exposure", "StatementDrafted": "statement"}
    named = kind[type(citing).__name__]
    History(exhibit(1, named), citing)
    if not isinstance(citing, FindingAttached):
        History(exhibit(1, named, OTHER)).refuses(citing, "with these bytes")


def test_7_containing_a_principal_needs_a_subject_and_every_check() -> None:
    request = asked("contain_principal", "P-aaaa")
    History().refuses(request, "not a subject")
    history = History(SUBJECTS)
    for left in range(len(ANSWERS), 0, -1):
        history.refuses(request, rf"{left} check\(s\)")
        history.then(ANSWERS[len(ANSWERS) - left])
    history.then(request)
    history.refuses(asked("contain_principal", "P-bbbb", 2), "not a subject")


def test_7_the_conditions_are_looked_at_again_when_it_is_used() -> None:
    history = History(SUBJECTS, *ANSWERS, asked("contain_principal", "P-aaaa"), ("dana", ActionApproved("A-0001", SHA)))
    history.then(SubjectSet((), ("s1",), "it was another")).refuses(ActionUsed("A-0001", SHA), "not a subject")


def test_7_a_seller_and_undoing() -> None:
    History().refuses(asked("contain_seller", "s1"), "not a subject")
    History(SUBJECTS, asked("contain_seller", "s1"))
    history = History(SUBJECTS, *ANSWERS)
    history.refuses(asked("undo_containment", "P-aaaa"), "Nothing was done")
    history.then(*granted("contain_principal", "P-aaaa"), ContainmentConfirmed("A-0001", "P-aaaa", "contained", ""))
    history.then(asked("undo_containment", "P-aaaa", 2))


def test_7_checks_are_answered_for_subjects_and_of_the_list() -> None:
    History().refuses(ANSWERS[0], "not a subject")
    History(SUBJECTS).refuses(CheckAnswered("P-aaaa", "mood", "no"), "no check 'mood'")
    case = History(SUBJECTS, *ANSWERS, CheckAnswered("P-aaaa", "absent", "yes", "on leave")).case
    assert unanswered("P-aaaa", case.checks) == ()
    assert unanswered("P-bbbb", case.checks) == CHECK_NAMES
    assert speaking_for_another("P-aaaa", case.checks) == ("absent",)
    assert all(check.question.endswith("?") and check.ask for check in CHECKS)


def test_8_notices_need_a_frozen_list_and_an_approved_translation() -> None:
    request = asked("send_notices", "v1")
    History().refuses(request, "No exposure list")
    History(*FROZEN).refuses(request, "No translation")
    history = History(*FROZEN, *granted("approve_translation"), TranslationApproved("A-0001", "general", "en", SHA))
    history.then(asked("send_notices", "v1", 2))


def test_8_a_plan_is_made_of_the_list_that_is_frozen_now_and_adds_up() -> None:
    plan = NoticesPlanned("v1", SHA, 2, 1)
    History().refuses(plan, "not made of")
    history = History(*FROZEN)
    history.refuses(replace(plan, exposure_sha256=OTHER), "not made of")
    history.refuses(NoticesReconciled("v1", 3, 2, 0, 0, 1, 0), "never planned")
    history.then(plan).refuses(plan, "planned already")
    history.then(NoticesReconciled("v1", 3, 1, 0, 1, 1, 0))
    history.refuses(NoticesReconciled("v1", 3, 2, 0, 0, 0, 0), "do not add up")
    history.refuses(NoticesReconciled("v1", 3, 4, 0, -1, 0, 0), "do not add up")


def test_9_publishing_needs_a_statement_and_an_open_gate() -> None:
    request = asked("publish_statement")
    drafted = (exhibit(1, "statement"), StatementDrafted("E-0001", SHA))
    History().refuses(request, "No statement")
    History(*drafted).refuses(request, "no condition was answered")
    history = History(*drafted, GateAnswered("counsel", "open", "agreed"), GateAnswered("police", "held", "not yet"))
    history.refuses(request, "police")
    history.then(GateAnswered("police", "open", "now"), *granted("publish_statement"))
    history.refuses(StatementPublished("A-0001", OTHER), "not the statement")
    history.then(StatementPublished("A-0001", SHA))


def test_10_a_second_person_decides_in_time() -> None:
    history = History(asked("hand_over"))
    history.refuses(("ina", ActionApproved("A-0001", SHA)), "their own")
    history.refuses(("dana", ActionApproved("A-0002", SHA)), "no request A-0002")
    history.refuses(("dana", ActionApproved("A-0001", "x")), "SHA-256")
    late = History(asked("hand_over"))
    late.at = AT + timedelta(hours=24)
    late.refuses(("dana", ActionApproved("A-0001", SHA)), "expired")
    history.then(("dana", ActionApproved("A-0001", SHA)))
    history.refuses(("otto", ActionApproved("A-0001", SHA)), "is approved")
    history.then(("otto", ActionRefused("A-0001", "no")))
    history.refuses(ActionUsed("A-0001", SHA), "is refused")
    history.refuses(("otto", ActionRefused("A-0001", "no")), "nothing to refuse")


def test_10_requests_have_a_reason_a_target_and_a_future() -> None:
    History().refuses(replace(asked("hand_over"), reason=" "), "needs a reason")
    History().refuses(asked("hand_over", " "), "no target")
    History().refuses(asked("hand_over", hours=-1), "would expire")


def test_11_an_approval_is_used_once_in_time_and_with_its_envelope() -> None:
    approved = (asked("hand_over"), ("dana", ActionApproved("A-0001", SHA)))
    history = History(asked("hand_over"))
    history.refuses(ActionUsed("A-0001", SHA), "is waiting")
    history = History(*approved)
    history.refuses(ActionUsed("A-0001", OTHER), "envelope")
    history.then(ActionUsed("A-0001", SHA)).refuses(ActionUsed("A-0001", SHA), "is used")
    late = History(*approved)
    late.at = AT + timedelta(hours=24)
    late.refuses(ActionUsed("A-0001", SHA), "expired")


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("contain_seller", ContainmentStepDone("A-0001", "s1", "suspend", True, "204")),
        ("contain_seller", ContainmentConfirmed("A-0001", "s1", "contained", "")),
        ("unmask", IdentityUnmasked("A-0001", "P-aaaa", "ina", "x", AT + timedelta(hours=2))),
        ("approve_translation", TranslationApproved("A-0001", "general", "en", SHA)),
        ("hand_over", BundleWritten("A-0001", SHA, 1, "police")),
    ],
)
def test_12_executors_write_under_a_used_approval_of_their_own(action: ActionName, event: CaseEvent) -> None:
    target = getattr(event, "target", None) or getattr(event, "pseudonym", None) or "x"
    wrong: ActionName = "retain"
    History(SUBJECTS).refuses(event, "no request A-0001")
    History(SUBJECTS, asked(action, target)).refuses(event, "no used approval")
    History(SUBJECTS, asked(action, target), ("dana", ActionApproved("A-0001", SHA))).refuses(event, "no used approval")
    History(SUBJECTS, *granted(wrong, target)).refuses(event, "no used approval")
    History(SUBJECTS, *granted(action, target), event)
    if target != "x":
        other = SubjectSet(("P-aaaa",), ("s1", "s2"), "x")
        History(other, *granted(action, "s2")).refuses(event, "no used approval")


def test_12_an_identity_is_opened_for_whoever_asked_and_no_longer_than_asked() -> None:
    history = History(*granted("unmask", "P-aaaa"))
    until = AT + timedelta(hours=24)
    history.refuses(("otto", IdentityUnmasked("A-0001", "P-aaaa", "otto", "x", until)), "for the person who asked")
    history.refuses(IdentityUnmasked("A-0001", "P-aaaa", "otto", "x", until), "for the person who asked")
    history.refuses(
        IdentityUnmasked("A-0001", "P-aaaa", "ina", "x", until + timedelta(seconds=1)), "until the request expires"
    )


def test_a_hold_is_set_and_ended_in_turn() -> None:
    history = History()
    history.refuses(LegalHoldSet(False, "x"), "not on legal hold")
    assert history.then(LegalHoldSet(True, "prosecutor")).case.held
    history.refuses(LegalHoldSet(True, "again"), "on legal hold already")
    assert not history.then(LegalHoldSet(False, "ended")).case.held


@pytest.mark.parametrize(
    "event",
    [NoteAdded(" "), SubjectSet((), (), "x"), SubjectSet(("P-a",), (), " "), GateAnswered("", "open", "x"),
     GateAnswered("counsel", "open", ""), PersonLockedOut("x", ""), LegalHoldSet(True, ""), CaseClosed("error", "")],
)  # fmt: skip
def test_words_that_are_missing_are_asked_for(event: CaseEvent) -> None:
    with pytest.raises(CaseError):
        History().then(event)


# --- whole histories ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
INSTANT = st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def values(wanted: Any) -> st.SearchStrategy[Any]:
    """Values of a declared type."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, values(parts[1]), max_size=3)
    if origin is not None:
        return st.one_of(*(values(part) for part in parts))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT, int: st.integers(-5, 2**70), bool: st.booleans(), datetime: INSTANT, type(None): st.none(),
    }  # fmt: skip
    return simple[wanted]


def events_of(kind: type[Any]) -> st.SearchStrategy[CaseEvent]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{one.name: values(hints[one.name]) for one in dataclasses.fields(kind)})


ANY_EVENT = st.sampled_from(sorted(EVENT_KINDS.values(), key=lambda kind: kind.__name__)).flatmap(events_of)


@given(ANY_EVENT)
def test_an_event_comes_back_as_it_was_written(event: CaseEvent) -> None:
    kind = type(event).__name__
    back = event_from(kind, event_bytes(event))
    assert back == event
    assert event_document(back, "ina", "K-1", AT) == event_document(event, "ina", "K-1", AT)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("Nothing", b"{}"),
        ("NoteAdded", b"{}"),
        ("NoteAdded", b"[]"),
        ("NoteAdded", b"null"),
        ("NoteAdded", b'{"text":1}'),
        ("NoteAdded", b'{"text":"x","more":1}'),
        ("NoteAdded", b'{"text":"x"'),
        ("NoteAdded", b"[" * 100_000),
        ("CaseClosed", b'{"conclusion":"murder","reason":"x"}'),
        ("LegalHoldSet", b'{"held":1,"reason":"x"}'),
        ("SubjectSet", b'{"principals":"P-1","sellers":[],"reason":"x"}'),
        (
            "IdentityUnmasked",
            b'{"request":"A","pseudonym":"P","reader":"i","reason":"x","until_at":"2026-01-01T00:00:00"}',
        ),
    ],
)
def test_what_is_no_event_is_refused(kind: str, raw: bytes) -> None:
    with pytest.raises(CaseError):
        event_from(kind, raw)


def likely_steps() -> st.SearchStrategy[Sequence[Step]]:
    """Histories in which much is legal: few names, small numbers."""
    numbers = st.integers(1, 4)
    people = st.sampled_from(["ina", "dana", "olaf"])
    actions: Any = st.sampled_from(["hand_over", "contain_principal", "contain_seller", "unmask", "retain"])
    kinds: Any = st.sampled_from(["exposure", "statement", "document", "finding"])
    moves = st.one_of(
        st.just(NoteAdded("x")),
        st.builds(exhibit, numbers, kinds),
        st.just(SUBJECTS),
        st.sampled_from(ANSWERS),
        st.builds(asked, actions, st.sampled_from(["P-aaaa", "s1", "x"]), numbers, st.sampled_from([0.1, 24.0])),
        st.builds(lambda n, sha: ActionApproved(f"A-{n:04d}", sha), numbers, st.sampled_from([SHA, OTHER])),
        st.builds(lambda n: ActionRefused(f"A-{n:04d}", "no"), numbers),
        st.builds(lambda n, sha: ActionUsed(f"A-{n:04d}", sha), numbers, st.sampled_from([SHA, OTHER])),
        st.builds(lambda n: BundleWritten(f"A-{n:04d}", SHA, 1, "police"), numbers),
        st.builds(PersonLockedOut, people, st.just("x")),
        st.builds(lambda who: PersonAdmitted(who, ("investigator",)), people),
        st.just(CaseClosed("undecided", "x")),
        st.just(CaseReopened("x")),
    )
    return st.lists(st.tuples(people, moves), max_size=60)


@given(likely_steps())
def test_whatever_happens_nothing_is_lost_and_nobody_acts_alone(steps: Sequence[Step]) -> None:
    history, taken = History(), list[Step]()
    for step in steps:
        before = history.case
        try:
            history.then(step)
        except CaseError:
            assert history.case is before
            continue
        taken.append(step)
        check_kept(before, history.case, step)
    check_history(history.case, taken)


def check_kept(before: Case, after: Case, step: Step) -> None:
    """One legal step removes nothing."""
    actor, event = step
    assert after.event_count == before.event_count + 1
    assert dict(before.exhibits).items() <= dict(after.exhibits).items()
    assert set(before.requests) <= set(after.requests)
    assert dict(before.locked_out).items() <= dict(after.locked_out).items()
    assert before.ever_subjects <= after.ever_subjects
    assert actor not in before.locked_out
    assert before.state == "open" or isinstance(event, CaseReopened)
    for name, request in before.requests.items():
        if request.state in ("used", "refused", "void"):
            assert after.requests[name] == request


def check_history(case: Case, taken: Sequence[Step]) -> None:
    """What is true of every history that the machine let through."""
    used = [event.request for _, event in taken if isinstance(event, ActionUsed)]
    assert len(used) == len(set(used))
    askers = {e.request: actor for actor, e in taken if isinstance(e, ActionRequested)}
    approvers = {e.request: actor for actor, e in taken if isinstance(e, ActionApproved)}
    for request in used:
        assert approvers[request] != askers[request]
        assert case.requests[request].state == "used"
    for _, event in taken:
        if isinstance(event, BundleWritten):
            assert event.request in used
    assert [f"E-{n:04d}" for n in range(1, len(case.exhibits) + 1)] == list(case.exhibits)
