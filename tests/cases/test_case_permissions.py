"""Authorisation, generated: every public method, every object, as everybody; and the table itself.

The matrix below is written by hand, from the roles' meaning; the code has its own table. Who is in no row is denied.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import combinations, count
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import (
    ACTIONS,
    EVENT_KINDS,
    ROLES,
    ActionApproved,
    ActionName,
    ActionRequested,
    ActionUsed,
    CaseEvent,
    ContainmentConfirmed,
    GateAnswered,
    IdentityUnmasked,
    NoteAdded,
    NoticesPlanned,
    NoticesReconciled,
    Person,
    PersonAdmitted,
    StatementDrafted,
    StatementPublished,
    SubjectSet,
)
from leaktrace.cases import Actor, CaseWork, Inside, PeopleDesk
from leaktrace.cases.approvals import DIARY_EVENTS
from leaktrace.cases.casefile import EXHIBIT_KINDS
from leaktrace.cases.guard import Guarded
from leaktrace.cases.permissions import (
    ALONE,
    NO_CASE,
    TABLE,
    THINGS,
    VERBS,
    WITHOUT_CASE,
    Footing,
    permitted,
    sane_roles,
)
from leaktrace.cases.signing import PersonKey
from leaktrace.errors import ApprovalError, CaseError, LeaktraceError, NotAllowedError
from tests.cases.small_cases import (
    CUSTOMERS,
    SELLER,
    START,
    SUBJECT,
    TARGETS,
    Call,
    Company,
    exposure_list,
    finding_parts,
    full_company,
)

ADMITTED = {"ina": "investigator", "olaf": "privacy_officer"}
EVERYBODY = {
    **ADMITTED,
    "ivo": "an investigator who was not admitted",
    "otto": "a privacy officer who was not admitted",
    "dana": "approver",
    "aud": "auditor",
    "root": "admin",
    "saul": "investigator and approver, and the subject",
    "bea": "approver and investigator, the subject's manager",
    "chet": "approver, the manager's manager",
    "rita": "approver and privacy officer, who reports to the subject",
    "lola": "approver and investigator, admitted and then locked out",
    "gone": "investigator and approver, admitted, no longer active",
}
DENIED_HERE = {"saul", "bea", "chet", "rita", "lola", "gone"}
_HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"
_fresh = (PersonKey.fresh("x").public_key for _ in count())


def _request(company: Company, who: str) -> object:
    return company.work(who).request(company.case, "hand_over", "police", {}, "asked by the prosecutor")


def _waiting(company: Company) -> str:
    by = company.work("ina")
    return by.request(company.case, "contain_seller", SELLER, {}, "stop it").asked.request


def _decide(verb: str) -> Call:
    def call(company: Company, who: str) -> object:
        request = _waiting(company)
        work = company.work(who)
        return work.look_at(company.case, request) if verb == "look_at" else work.approve(company.case, request)

    return call


def _used_by(action: ActionName, method: str, *more: Any) -> Call:
    """Of a used approval: only the one who uses it gets anything, so it is made by whoever calls, if they can."""

    def call(company: Company, who: str) -> object:
        by = who if who in ADMITTED else "ina"
        target = TARGETS.get(action, company.subject)
        request = company.granted(action, target, {}, used=True, by=by)
        return getattr(company.work(who), method)(company.case, request, *more)

    return call


def _use(company: Company, who: str) -> object:
    by = who if who in ADMITTED else "ina"
    request = company.granted("hand_over", "police", {}, used=False, by=by)
    return company.work(who).use(company.case, request, "hand_over", "police", {})


def _check(company: Company, who: str) -> None:
    request = company.granted("hand_over", "police", {}, used=False, by=who if who in ADMITTED else "ina")
    company.work(who).check(company.case, request, "hand_over", "police")


def _held(company: Company) -> None:
    company.work("olaf").record(company.case, GateAnswered("police_hold", "held", "the police asked to wait"))


def _lift(company: Company, who: str) -> object:
    _held(company)
    request = company.granted("lift_hold", "police_hold", {}, used=False, by="olaf")
    return company.work(who).lift_hold(company.case, "police_hold", "they agreed", request)


def _unmask(company: Company, who: str) -> object:
    by = who if who in ADMITTED else "ina"
    request = company.work(by).request_unmask(company.case, company.subject, "to ask").asked.request
    company.work("dana").approve(company.case, request)
    return company.work(who).unmask(company.case, request)


def _reopen(company: Company, who: str) -> object:
    if company.work("ina").show(company.case).state == "open":
        company.work("ina").close(company.case, "undecided", "for now")
    return company.work(who).reopen(company.case, "news")


WORKERS = {"ina", "olaf"}
READERS = {"ina", "olaf", "dana"}
OPENERS = {"ina", "ivo", "olaf", "otto", "saul", "bea", "rita", "lola"}
MATRIX: dict[str, tuple[set[str], Call]] = {
    "open_case": (
        OPENERS,
        lambda c, w: c.work(w).open_case("Another", "hand"),
    ),
    "cases": (set(EVERYBODY) - {"root", "gone"}, lambda c, w: c.work(w).cases()),
    "show": (READERS, lambda c, w: c.work(w).show(c.case)),
    "timeline": (READERS, lambda c, w: c.work(w).timeline(c.case)),
    "events": ({"aud"}, lambda c, w: c.work(w).events(c.case)),
    "verify": ({"aud", "root"}, lambda c, w: c.work(w).verify()),
    "note": (READERS, lambda c, w: c.work(w).note(c.case, "seen")),
    "admit": (WORKERS, lambda c, w: c.work(w).admit(c.case, "otto", ["privacy_officer"])),
    "lock_out": (READERS, lambda c, w: c.work(w).lock_out(c.case, "otto", "a relative")),
    "set_subjects": ({"ina"}, lambda c, w: c.work(w).set_subjects(c.case, [c.subject], [SELLER], "again")),
    "answer_check": (WORKERS, lambda c, w: c.work(w).answer_check(c.case, c.subject, "absent", "unknown")),
    "checks": (READERS, lambda c, w: c.work(w).checks(c.case)),
    "hold": ({"olaf"}, lambda c, w: c.work(w).hold(c.case, held=True, reason="asked")),
    "close": (WORKERS, lambda c, w: c.work(w).close(c.case, "undecided", "for now")),
    "reopen": (WORKERS, _reopen),
    "store_exhibit": (WORKERS, lambda c, w: c.work(w).store_exhibit(c.case, "other", "More", b"x", "text/plain")),
    "attach_finding": (WORKERS, lambda c, w: c.work(w).attach_finding(c.case, finding_parts())),
    "freeze_exposure": (WORKERS, lambda c, w: c.work(w).freeze_exposure(c.case, exposure_list())),
    "exposure": (READERS, lambda c, w: c.work(w).exposure(c.case)),
    "exhibits": (READERS, lambda c, w: c.work(w).exhibits(c.case)),
    "read_exhibit": (READERS, lambda c, w: c.work(w).read_exhibit(c.case, _exhibit(c, "statement"))),
    "request": (WORKERS, _request),
    "request_unmask": (WORKERS, lambda c, w: c.work(w).request_unmask(c.case, c.subject, "to ask")),
    "approvals": ({*READERS, "aud"}, lambda c, w: c.work(w).approvals(c.case)),
    "look_at": ({"dana"}, _decide("look_at")),
    "approve": ({"dana"}, _decide("approve")),
    "refuse": ({"dana"}, lambda c, w: c.work(w).refuse(c.case, _waiting(c), "not yet")),
    "use": (WORKERS, _use),
    "check": (WORKERS, _check),
    "asked_parameters": (WORKERS, lambda c, w: c.work(w).asked_parameters(c.case, _waiting(c))),
    "naming_nobody": (WORKERS, lambda c, w: c.work(w).naming_nobody(c.case, "they told us", "justification")),
    "unmet": ({*READERS, "aud"}, lambda c, w: c.work(w).unmet(c.case, "contain_principal", c.subject)),
    "record": (WORKERS, lambda c, w: c.work(w).record(c.case, GateAnswered("police", "held", "to wait"))),
    "may_record": ({"olaf"}, lambda c, w: c.work(w).may_record(c.case, NoticesPlanned)),
    "lift_hold": ({"olaf"}, _lift),
    "unmask": (WORKERS, _unmask),
    "customer_mark": (WORKERS, lambda c, w: c.work(w).customer_mark(c.case, CUSTOMERS[0], "they ask", lambda _: None)),
    "sealed_exhibit": (WORKERS, _used_by("hand_over", "sealed_exhibit", "E-0001")),
    "material": (WORKERS, _used_by("hand_over", "material")),
    "people": (set(EVERYBODY) - {"gone"}, lambda c, w: c.people(w).people()),
    "enrol": ({"root"}, lambda c, w: c.people(w).enrol("new", next(_fresh), ["approver"])),
    "change": ({"root"}, lambda c, w: c.people(w).change("otto", "moved", roles=["investigator"])),
    "replace_key": ({"root"}, lambda c, w: c.people(w).replace_key("otto", next(_fresh), "lost")),
    "rotate_own_key": (set(EVERYBODY) - {"gone"}, lambda c, w: c.people(w).rotate_own_key(next(_fresh))),
    "set_password": ({"root"}, lambda c, w: c.people(w).set_password("otto", _HASH)),
    "set_own_password": (set(EVERYBODY) - {"gone"}, lambda c, w: c.people(w).set_own_password(_HASH)),
    "exposure_basis": (WORKERS, lambda c, w: c.inside(w).exposure_basis(c.case)),
    "pseudonyms": (WORKERS, lambda c, w: c.inside(w).pseudonyms(c.case)),
    "asking": (WORKERS, lambda c, w: c.inside(w).asking(c.case)),
    "hold_basis": ({"olaf"}, lambda c, w: c.inside(w).hold_basis(c.case)),
    "exposed_customers": ({"olaf"}, lambda c, w: c.inside(w).exposed_customers(c.case)),
    "finding_basis": (WORKERS, lambda c, w: c.inside(w).finding_basis(c.case)),
    "subject_basis": ({"ina"}, lambda c, w: c.inside(w).subject_basis(c.case)),
    "opening": (OPENERS, lambda c, w: c.inside(w).opening("Another", "")),
    "enrolling": ({"root"}, lambda c, w: c.inside(w).enrolling()),
    "subject_name": (READERS, lambda c, w: c.inside(w).subject_name(c.case, c.subject)),
}
"""Method -> who may, of `EVERYBODY`; and how it is called."""
OPENS_NAMES = {"unmask", "sealed_exhibit", "material"}
"""Methods that give ids as ingested, each by an approval that is being used. Those of `Inside` reach no person."""


def _exhibit(company: Company, kind: str) -> str:
    found = company.work("ina").exhibits(company.case)
    return next(one.exhibit for one in found if one.kind == kind)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    company = full_company(tmp_path_factory.mktemp("company") / "full")
    yield company
    company.close()


@pytest.fixture
def fresh(full: Company, tmp_path: Path) -> Iterator[Company]:
    company = full.copy_to(tmp_path / "fresh")
    yield company
    company.close()


def public_methods(kind: type[Guarded]) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def acts_of(company: Company, who: str) -> int:
    """Events that somebody is the actor of, in the case and of people."""
    return sum(one.actor == who for case in (company.case, "-") for one in company.premises.store.events(case))


def outcome(call: Call, company: Company, who: str) -> object:
    """What a call gave, or the refusal."""
    try:
        return call(company, who)
    except NotAllowedError as refusal:
        return refusal


# --- every method -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CaseWork, PeopleDesk, Inside])
def test_no_public_method_is_without_a_permission(kind: type[Guarded]) -> None:
    for name in public_methods(kind):
        verb, thing = getattr(kind, name).permission
        assert verb in VERBS, name
        assert thing in THINGS, name


def test_the_matrix_has_every_method_and_nothing_else() -> None:
    assert set(MATRIX) == public_methods(CaseWork) | public_methods(PeopleDesk) | public_methods(Inside)


@pytest.mark.parametrize("method", sorted(MATRIX))
def test_who_is_denied_is_denied_and_nothing_has_happened(method: str, fresh: Company) -> None:
    allowed, call = MATRIX[method]
    for who in sorted(set(EVERYBODY) - allowed):
        before = acts_of(fresh, who)
        result = outcome(call, fresh, who)
        assert isinstance(result, NotAllowedError), (method, who, EVERYBODY[who], result)
        # A call may need somebody else to have asked for something, who then is ina or dana.
        assert who in ("ina", "dana") or acts_of(fresh, who) == before, (method, who)


@pytest.mark.parametrize(
    ("method", "who"), [(method, who) for method, (allowed, _) in sorted(MATRIX.items()) for who in sorted(allowed)]
)
def test_who_may_may_and_is_shown_no_name(method: str, who: str, fresh: Company) -> None:
    result = MATRIX[method][1](fresh, who)
    if method in OPENS_NAMES or (hasattr(Inside, method) and not hasattr(CaseWork, method)):
        return
    shown = repr(result)
    for name in (SUBJECT, *CUSTOMERS):
        if method not in ("people", "enrol", "change", "replace_key", "rotate_own_key"):
            assert name not in shown, (method, who)


# --- every object -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXHIBIT_KINDS)
def test_exhibits_that_name_people_are_read_by_nobody_or_with_pseudonyms(kind: str, full: Company) -> None:
    exhibit = _exhibit(full, kind)
    for who in EVERYBODY:
        result = outcome(lambda c, w: c.work(w).read_exhibit(c.case, exhibit), full, who)
        if who not in READERS or kind in ("mail", "accesses", "tip"):
            assert isinstance(result, NotAllowedError), (kind, who)
        elif kind in ("finding", "exposure"):
            assert isinstance(result, bytes)
            assert not any(name.encode() in result for name in (SUBJECT, *CUSTOMERS)), (kind, who)
            assert full.subject.encode() in result or kind == "exposure"


ASKERS: dict[ActionName, set[str]] = {
    "contain_principal": {"ina"},
    "contain_seller": {"ina"},
    "undo_containment": {"ina", "olaf"},
    "send_notices": {"olaf"},
    "approve_translation": {"olaf"},
    "publish_statement": {"olaf"},
    "unmask": {"ina", "olaf"},
    "hand_over": {"ina", "olaf"},
    "forget": {"olaf"},
    "retain": {"olaf"},
    "split_campaign": {"ina"},
    "lift_hold": {"olaf"},
}


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_is_asked_for_by_whom_it_is_for(action: ActionName, fresh: Company) -> None:
    target = TARGETS.get(action, fresh.subject)
    if action == "undo_containment":
        request = fresh.granted("contain_principal", target, {}, used=True)
        fresh.work("ina").record(fresh.case, ContainmentConfirmed(request, target, "contained", "read back"))
    if action == "lift_hold":
        _held(fresh)
    for who in EVERYBODY:
        result = outcome(lambda c, w: c.work(w).request(c.case, action, target, {}, "needed"), fresh, who)
        assert isinstance(result, NotAllowedError) == (who not in ASKERS[action]), (action, who, result)


def _any_event(kind: str) -> CaseEvent:
    """An event of this kind that would be worth smuggling in."""
    known: dict[str, CaseEvent] = {
        "NoteAdded": NoteAdded("x"),
        "PersonAdmitted": PersonAdmitted("otto", ("privacy_officer",)),
        "SubjectSet": SubjectSet(("P-0000",), (), "x"),
        "ActionRequested": ActionRequested("A-0002", "hand_over", "x", "a" * 64, START, "x"),
        "ActionApproved": ActionApproved("A-0001", "a" * 64),
        "ActionUsed": ActionUsed("A-0001", "a" * 64),
        "IdentityUnmasked": IdentityUnmasked("A-0001", "P-0000", "ina", "x", START),
    }
    found = EVENT_KINDS[kind]
    return known.get(kind) or found(**dict.fromkeys(inspect.signature(found).parameters, "x"))


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_the_executors_diary_takes_no_event_that_has_a_permission_of_its_own(kind: str, full: Company) -> None:
    if EVENT_KINDS[kind] in DIARY_EVENTS:
        return
    before = len(full.premises.store.events(full.case))
    for who in EVERYBODY:
        with pytest.raises(NotAllowedError):
            full.work(who).record(full.case, _any_event(kind))
    assert len(full.premises.store.events(full.case)) == before


TELLERS = [
    NoticesPlanned("2", "a" * 64, 1, 0),
    NoticesReconciled("2", 1, 1, 0, 0, 0, 0),
    StatementDrafted("E-0001", "a" * 64),
    StatementPublished("A-0001", "a" * 64),
    GateAnswered("counsel", "open", "zz"),
]


@pytest.mark.parametrize("event", TELLERS, ids=lambda event: type(event).__name__)
def test_what_is_told_outside_is_not_an_investigators(event: CaseEvent, full: Company) -> None:
    before = len(full.premises.store.events(full.case))
    with pytest.raises(NotAllowedError, match="ina may not do this here"):
        full.work("ina").record(full.case, event)
    assert len(full.premises.store.events(full.case)) == before


def test_a_hold_is_lifted_by_two_and_each_hold_anew(fresh: Company) -> None:
    case, olaf, ina = fresh.case, fresh.work("olaf"), fresh.work("ina")
    held, opened = GateAnswered("police_hold", "held", "to wait"), GateAnswered("police_hold", "open", "zz")
    ina.record(case, held)  # anybody who works on the case may stop it
    with pytest.raises(ApprovalError, match="lifted by two people"):
        olaf.record(case, opened)
    early = fresh.granted("lift_hold", "police_hold", {}, used=False, by="olaf")
    olaf.record(case, held)
    with pytest.raises(ApprovalError, match="the case changed"):
        olaf.lift_hold(case, "police_hold", "they agreed", early)
    request = fresh.granted("lift_hold", "police_hold", {}, used=False, by="olaf")
    with pytest.raises(ApprovalError):
        olaf.lift_hold(case, "counsel", "they agreed", request)
    olaf.lift_hold(case, "police_hold", "they agreed", request)
    assert olaf.show(case).gates["police_hold"].answer == "open"
    olaf.record(case, held)
    with pytest.raises(ApprovalError):
        olaf.lift_hold(case, "police_hold", "again", request)
    assert olaf.show(case).gates["police_hold"].answer == "held"


def test_looking_a_customer_up_is_written_down_before_it_is_answered(fresh: Company) -> None:
    work, told = fresh.work("olaf"), []

    def before(whom: str) -> None:
        told.append(whom)
        assert work.show(fresh.case).event_count == events

    events = work.show(fresh.case).event_count
    mark = work.customer_mark(fresh.case, CUSTOMERS[0], "they ask", before)
    events += 1
    for stranger in ("c-nobody", SUBJECT):  # nor does it open who a principal is
        with pytest.raises(CaseError, match="No customer of this id"):
            work.customer_mark(fresh.case, stranger, "they ask", before)
        events += 1
    assert told == [mark, "a customer who is not in it", "a customer who is not in it"]
    notes = [one.event.text for one in work.timeline(fresh.case) if isinstance(one.event, NoteAdded)]
    assert len(notes) == 3
    assert notes[-3] == f"The notice of {mark} was looked up by a customer's id: they ask"
    with pytest.raises(CaseError, match="needs a reason"):
        work.customer_mark(fresh.case, CUSTOMERS[0], " ", before)


def test_the_reason_of_a_gate_names_nobody(fresh: Company) -> None:
    with pytest.raises(CaseError, match="names somebody"):
        fresh.work("olaf").record(fresh.case, GateAnswered("counsel", "open", f"{SUBJECT} agreed"))


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_a_case_that_there_is_not_and_one_of_others_look_alike(who: str, full: Company) -> None:
    told = []
    for case in ("K-00000000", "-", full.case if who not in READERS else "K-zzzzzzzz"):
        with pytest.raises(LeaktraceError) as refusal:
            full.work(who).show(case)
        told.append((type(refusal.value), refusal.value.message, refusal.value.hint))
    assert len(set(told)) == 1


def test_only_whom_it_concerns_sees_a_case_in_the_list(full: Company) -> None:
    for who in EVERYBODY:
        lines = outcome(lambda c, w: c.work(w).cases(), full, who)
        if who in READERS:
            assert [line.title for line in lines] == ["Mail of spring"]  # type: ignore[attr-defined]
        elif who == "aud":
            assert [line.title for line in lines] == [None]  # type: ignore[attr-defined]
        else:
            assert lines == () or isinstance(lines, NotAllowedError), who


def test_signing_in_by_password_signs_nothing(full: Company) -> None:
    calls: tuple[tuple[str, Callable[[CaseWork], object]], ...] = (
        ("ina", lambda work: work.request(full.case, "hand_over", "police", {}, "needed")),
        ("ina", lambda work: work.request_unmask(full.case, full.subject, "needed")),
        ("dana", lambda work: work.approve(full.case, "A-0001")),
    )
    for who, call in calls:
        with pytest.raises(NotAllowedError, match="signed"):
            call(CaseWork(full.premises, Actor(who, "password")))


# --- the table ----------------------------------------------------------------------------------------------

ROLE_SETS = [frozenset(some) for size in range(1, len(ROLES) + 1) for some in combinations(ROLES, size)]
FOOTINGS = [
    NO_CASE,
    Footing("K-1"),
    *(Footing("K-1", admitted=tuple(sorted(some))) for some in ROLE_SETS),
    *(Footing("K-1", admitted=tuple(sorted(some)), locked_out=True) for some in ROLE_SETS),
    *(Footing("K-1", admitted=tuple(sorted(some)), conflict="a subject") for some in ROLE_SETS),
]


def person(roles: frozenset[Any], *, active: bool = True) -> Person:
    return Person("x", roles, "0" * 16, "0" * 64, None, active)


def may(who: Person, verb: Any, thing: Any, footing: Footing) -> bool:
    try:
        return bool(permitted(who, verb, thing, footing))
    except NotAllowedError:
        return False


def test_denials_beat_every_grant() -> None:
    for roles in ROLE_SETS:
        for footing in FOOTINGS:
            for thing in THINGS:
                for verb in VERBS:
                    if footing.locked_out or footing.conflict is not None:
                        assert not may(person(roles), verb, thing, footing)
                    assert not may(person(roles, active=False), verb, thing, footing)


def test_several_roles_grant_what_one_of_them_grants_and_nothing_more() -> None:
    open_to = [one for one in FOOTINGS if not one.locked_out and one.conflict is None]
    pairs = [(verb, thing) for thing in THINGS for verb in VERBS]

    def granted(roles: frozenset[Any], footing: Footing) -> set[tuple[Any, Any]]:
        return {(verb, thing) for verb, thing in pairs if may(person(roles), verb, thing, footing)}

    for footing in open_to:
        alone = {role: granted(frozenset({role}), footing) for role in ROLES}
        for roles in ROLE_SETS:
            assert granted(roles, footing) == set().union(*(alone[role] for role in roles))


def test_nobody_unknown_may_anything() -> None:
    for thing in THINGS:
        for verb in VERBS:
            for footing in FOOTINGS:
                with pytest.raises(NotAllowedError):
                    permitted(None, verb, thing, footing)


def test_an_admin_reaches_no_case_and_an_auditor_no_name() -> None:
    for footing in FOOTINGS:
        if footing.case != "-":
            granted = {(t, v) for t in THINGS for v in VERBS if may(person(frozenset({"admin"})), v, t, footing)}
            assert all(thing in ("people", "events") for thing, _ in granted)
            assert ("events", "read") not in granted
            for verb in VERBS:
                for thing in ("exhibit", "identity", "exposure"):
                    assert not may(person(frozenset({"auditor"})), verb, thing, footing)


def test_roles_that_do_not_go_together() -> None:
    for roles in ROLE_SETS:
        if len(roles) > 1 and roles & ALONE:
            with pytest.raises(NotAllowedError):
                sane_roles(roles)
        else:
            sane_roles(roles)
    with pytest.raises(NotAllowedError):
        sane_roles(frozenset())


def test_every_verb_of_the_table_is_used_by_a_method() -> None:
    used = {getattr(kind, name).permission for kind in (CaseWork, PeopleDesk, Inside) for name in public_methods(kind)}
    granted = {(verb, thing) for grants in TABLE.values() for thing, verbs in grants.items() for verb in verbs}
    assert granted == used
    assert {(thing, verb) for verb, thing in granted} >= WITHOUT_CASE
    assert set(VERBS) == {verb for verb, _ in granted}
