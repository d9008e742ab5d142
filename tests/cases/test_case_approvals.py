"""Approval by two: the way it goes, and every way around it that was thought of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords import (
    ActionRequested,
    ActionUsed,
    ApprovalJustified,
    Approvals,
    BundleWritten,
    CaseDiary,
    CheckAnswered,
    IdentityUnmasked,
    NoteAdded,
    Role,
    digest_of,
)
from leaktrace.cases import Actor, CaseWork
from leaktrace.cases.approvals import touched_since
from leaktrace.cases.signing import PersonKey
from leaktrace.errors import ApprovalError, CaseError, LeaktraceError, NotAllowedError
from tests.cases.small_cases import SELLER, SUBJECT, Company, denied, full_company, names_of_events, opened_company

PARAMETERS = {"target": "police", "exhibits": ["E-0001"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    company = full_company(tmp_path_factory.mktemp("approvals") / "made")
    yield company
    company.close()


@pytest.fixture
def company(made: Company, tmp_path: Path) -> Iterator[Company]:
    copy = made.copy_to(tmp_path / "copy")
    yield copy
    copy.close()


def hand_over(company: Company, parameters: Any = PARAMETERS) -> str:
    return company.work("ina").request(company.case, "hand_over", "police", parameters, "asked").asked.request


def use(company: Company, request: str, parameters: Any = PARAMETERS, who: str = "ina", **changes: Any) -> Any:
    about = {"action": "hand_over", "target": "police", **changes}
    return company.work(who).use(company.case, request, about["action"], about["target"], parameters)


def test_asked_by_one_approved_by_another_used_once(company: Company) -> None:
    work: Approvals = company.work("ina")
    diary: CaseDiary = company.work("ina")
    request = hand_over(company)
    line = company.work("dana").look_at(company.case, request)
    assert digest_of(PARAMETERS) == line.payload.parameters_sha256
    assert b'"exhibits":["E-0001"]' in line.parameters
    company.work("dana").approve(company.case, request)
    approved = work.use(company.case, request, "hand_over", "police", PARAMETERS)
    assert (approved.payload.requested_by, approved.approved_by) == ("ina", "dana")
    diary.record(company.case, BundleWritten(request, "a" * 64, 3, "police"))
    with pytest.raises(ApprovalError, match="is used"):
        use(company, request)
    assert names_of_events(company)[-2:] == ["ActionUsed", "BundleWritten"]


def test_the_envelope_is_an_exhibit_with_both_signatures(company: Company) -> None:
    request = hand_over(company)
    done = company.work("dana").approve(company.case, request)
    stored = [e for e in company.work("ina").exhibits(company.case) if e.sha256 == done.envelope_sha256]
    envelope = company.work("ina").read_exhibit(company.case, stored[0].exhibit)
    assert envelope.count(b'"sig"') == 2


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, {**PARAMETERS, "target": "press"}),
        ({}, {}),
        ({"target": "press"}, PARAMETERS),
        ({"action": "send_notices"}, PARAMETERS),
        ({"action": "nothing"}, PARAMETERS),
    ],
)
def test_what_is_done_is_exactly_what_was_approved(
    changes: dict[str, str], parameters: dict[str, Any], company: Company
) -> None:
    request = hand_over(company)
    company.work("dana").approve(company.case, request)
    before = names_of_events(company)
    with pytest.raises(LeaktraceError):
        use(company, request, parameters, **changes)
    assert names_of_events(company) == before
    use(company, request)


def test_without_an_approval_after_a_refusal_or_too_late_nothing_is_used(company: Company) -> None:
    waiting, refused, late = (hand_over(company) for _ in range(3))
    company.work("dana").refuse(company.case, refused, "no")
    company.work("dana").approve(company.case, late)
    with pytest.raises(ApprovalError, match="waiting"):
        use(company, waiting)
    with pytest.raises(ApprovalError, match="refused"):
        use(company, refused)
    company.clock.forward(100)
    with pytest.raises(ApprovalError, match="expired"):
        use(company, late)
    with pytest.raises(LeaktraceError, match="expired"):
        company.work("dana").approve(company.case, waiting)


def test_an_approver_who_is_also_admitted_as_investigator_does_not_approve_alone(company: Company) -> None:
    company.enrol("both", "investigator", "approver")
    company.work("ina").admit(company.case, "both", ["investigator"])
    request = company.work("both").request(company.case, "hand_over", "police", PARAMETERS, "asked").asked.request
    with pytest.raises(ApprovalError, match="your own request"):
        company.work("both").approve(company.case, request)
    company.work("dana").approve(company.case, request)
    with pytest.raises(ApprovalError):
        company.work("ina").material(company.case, request)
    use(company, request, who="both")


def test_one_person_with_two_names_is_one_person(company: Company) -> None:
    """The same account in the access log under two user names."""
    company.enrol("twin-a", "investigator", principal="u-twin")
    company.enrol("twin-b", "approver", principal="u-twin")
    company.work("ina").admit(company.case, "twin-a", ["investigator"])
    request = company.work("twin-a").request(company.case, "hand_over", "police", {}, "asked").asked.request
    with pytest.raises(ApprovalError, match="one account"):
        company.work("twin-b").approve(company.case, request)


def test_a_key_that_is_not_enrolled_signs_nothing(company: Company) -> None:
    """Somebody took over dana's session and brings a key of their own."""
    request = hand_over(company)
    intruder = CaseWork(company.premises, Actor("dana", "key", PersonKey.fresh("dana")))
    with pytest.raises(ApprovalError):
        intruder.approve(company.case, request)
    forged = CaseWork(company.premises, Actor("ina", "key", PersonKey.fresh("ina")))
    other = forged.request(company.case, "hand_over", "police", {}, "asked").asked.request
    with pytest.raises(ApprovalError):
        company.work("dana").approve(company.case, other)


def test_who_loses_the_role_or_the_key_after_approving_has_not_approved(company: Company) -> None:
    moved, rotated = hand_over(company), hand_over(company)
    company.work("dana").approve(company.case, moved)
    company.people("root").change("dana", "other duties", roles=["investigator"])
    with pytest.raises(ApprovalError, match="approve"):
        use(company, moved)
    company.people("root").change("dana", "back", roles=["approver"])
    company.work("dana").approve(company.case, rotated)
    company.people("root").replace_key("dana", PersonKey.fresh("dana").public_key, "lost")
    with pytest.raises(ApprovalError):
        use(company, rotated)


def test_a_key_that_is_replaced_while_somebody_is_changed_stays_replaced(company: Company) -> None:
    """The danger: two admins at once. Other roles, written with the key as it was before, put a stolen key back."""
    other = Company(company.folder, company.keyring, company.clock, company.keys)
    fresh = PersonKey.fresh("dana")

    def meanwhile() -> Iterator[Role]:
        other.people("adam").replace_key("dana", fresh.public_key, "stolen")
        yield "approver"

    company.people("root").change("dana", "as before", roles=meanwhile())
    other.close()
    dana = company.premises.store.people().person("dana")
    assert dana is not None
    assert dana.public_key == fresh.public_key


def test_who_signed_in_with_a_key_that_was_replaced_since_sets_no_other(company: Company) -> None:
    """The attack: the thief is signed in when the admin replaces the stolen key, and rotates it to one of their own."""
    thief = company.people("dana")
    company.people("root").replace_key("dana", PersonKey.fresh("dana").public_key, "stolen")
    for act in (
        lambda: thief.rotate_own_key(PersonKey.fresh("dana").public_key),
        lambda: thief.set_own_password("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"),
    ):
        with pytest.raises(NotAllowedError, match="was replaced"):
            act()


def test_who_turns_out_a_subject_after_approving_has_not_approved(company: Company) -> None:
    company.enrol("eva", "approver", principal="u-eva")
    request = hand_over(company)
    company.work("eva").approve(company.case, request)
    company.work("ina").set_subjects(company.case, [company.subject, "u-eva"], [SELLER], "a second source")
    assert len(denied(company, "eva")) == 1
    with pytest.raises(ApprovalError, match="eva may not approve"):
        use(company, request)


@pytest.mark.parametrize("change", ["check", "subject"])
def test_an_approval_is_void_once_its_target_changed(change: str, company: Company) -> None:
    ina, case = company.work("ina"), company.case
    request = ina.request(case, "contain_principal", company.subject, {}, "stop it").asked.request
    company.work("dana").approve(case, request)
    if change == "check":
        ina.answer_check(case, company.subject, "shared_account", "yes", "a kiosk")
    else:
        ina.set_subjects(case, [company.subject], ["s-other"], "another seller")
    with pytest.raises(ApprovalError, match="the case changed"):
        ina.use(case, request, "contain_principal", company.subject, {})


def test_what_does_not_touch_the_target_leaves_the_approval_as_it_is(company: Company) -> None:
    ina, case = company.work("ina"), company.case
    request = ina.request(case, "contain_principal", company.subject, {}, "stop it").asked.request
    company.work("dana").approve(case, request)
    ina.note(case, "nothing new")
    events = ina.timeline(case)
    assert touched_since(events, request, "contain_principal", company.subject) is None
    assert any(isinstance(one.event, NoteAdded) for one in events)
    assert not [one for one in events if isinstance(one.event, CheckAnswered) and one.event.answer == "yes"]
    ina.use(case, request, "contain_principal", company.subject, {})


def test_an_exchanged_exhibit_is_found_out(company: Company) -> None:
    """Without the check of parameters an attacker with the disk shows the approver one thing and signs another."""
    request = hand_over(company)
    events = company.premises.store.events(company.case)
    place = next(n for n, e in enumerate(events) if isinstance(e.event, ActionRequested) and e.event.request == request)
    parameters: Any = events[place - 2].event
    harmless = company.premises.exhibits.put(b"{}")
    folder = company.folder / "cases" / "exhibits"
    (folder / parameters.sha256[:2] / parameters.sha256).write_bytes((folder / harmless[:2] / harmless).read_bytes())
    with pytest.raises(LeaktraceError):
        company.work("dana").approve(company.case, request)


# --- words of both ------------------------------------------------------------------------------------------

TIED = {"tie": {"probability": "0.4000", "threshold": "0.9", "justification": "every link ends in their shop"}}


def test_what_rests_on_words_is_approved_with_words_which_stay_in_the_log(company: Company) -> None:
    ina, dana, case = company.work("ina"), company.work("dana"), company.case
    request = ina.request(case, "contain_seller", SELLER, TIED, "stop it").asked.request
    before = names_of_events(company)
    for none in ("", " \n"):
        with pytest.raises(ApprovalError, match="both people write"):
            dana.approve(case, request, none)
    with pytest.raises(CaseError, match="names somebody"):
        dana.approve(case, request, f"{SUBJECT} told us")
    assert names_of_events(company) == before
    dana.approve(case, request, "I opened the links myself")
    assert names_of_events(company)[len(before) :] == ["ExhibitStored", "ApprovalJustified", "ActionApproved"]
    (said,) = [one for one in ina.timeline(case) if isinstance(one.event, ApprovalJustified)]
    assert (said.actor, said.event) == ("dana", ApprovalJustified(request, "I opened the links myself"))
    ina.use(case, request, "contain_seller", SELLER, TIED)


@pytest.mark.parametrize("parameters", [{}, {"tie": None}, {"tie": {**TIED["tie"], "justification": None}}, []])
def test_where_the_finding_suffices_words_are_welcome_and_not_asked_for(parameters: Any, company: Company) -> None:
    request = company.work("ina").request(company.case, "contain_seller", SELLER, parameters, "stop it").asked.request
    company.work("dana").approve(company.case, request)
    assert names_of_events(company)[-2:] == ["ExhibitStored", "ActionApproved"]


def test_checking_an_approval_finds_what_using_it_would_and_uses_nothing(company: Company) -> None:
    ina, case = company.work("ina"), company.case
    request = hand_over(company)
    with pytest.raises(ApprovalError, match="waiting"):
        ina.check(case, request, "hand_over", "police")
    company.work("dana").approve(case, request)
    before = names_of_events(company)
    ina.check(case, request, "hand_over", "police")
    with pytest.raises(ApprovalError, match="not about this"):
        ina.check(case, request, "hand_over", "press")
    assert names_of_events(company) == before
    use(company, request)
    with pytest.raises(ApprovalError, match="is used"):
        ina.check(case, request, "hand_over", "police")


# --- identities ---------------------------------------------------------------------------------------------


def test_an_identity_is_opened_by_two_for_one_for_a_while_and_every_look_is_an_event(company: Company) -> None:
    ina, case, told = company.work("ina"), company.case, list[str]()
    request = ina.request_unmask(case, company.subject, "to ask the lead").asked.request
    with pytest.raises(ApprovalError):
        ina.unmask(case, request, told.append)
    company.work("dana").approve(case, request)
    for looks in (1, 2, 3):
        assert ina.unmask(case, request, told.append).name == SUBJECT
        seen = [one.event for one in ina.timeline(case) if isinstance(one.event, IdentityUnmasked)]
        assert len(seen) == looks
    assert told[-3:] == [company.subject] * 3
    with pytest.raises(ApprovalError, match="Ask for one yourself"):
        company.work("olaf").unmask(case, request)
    company.clock.forward(9)
    with pytest.raises(ApprovalError, match="expired"):
        ina.unmask(case, request)


def test_where_the_look_up_cannot_be_logged_nothing_is_opened(company: Company) -> None:
    ina, case = company.work("ina"), company.case
    request = ina.request_unmask(case, company.subject, "to ask").asked.request
    company.work("dana").approve(case, request)

    def full_disk(_: str) -> None:
        raise CaseError("The look-up log cannot be written.", "Free space.")

    with pytest.raises(CaseError, match="look-up log"):
        ina.unmask(case, request, full_disk)
    assert ina.approvals(case)[-1].state == "approved"
    assert not [one for one in ina.timeline(case) if isinstance(one.event, ActionUsed) and one.event.request == request]


def test_pseudonyms_of_another_case_open_nothing(company: Company) -> None:
    other = company.work("ina").open_case("Another", "hand").case
    with pytest.raises(CaseError, match="Nobody goes by"):
        company.work("ina").request_unmask(other, company.subject, "curious")
    with pytest.raises(CaseError, match="Nobody goes by"):
        company.work("ina").set_subjects(other, [company.subject], [], "curious")


def test_an_executor_gets_names_and_sealed_exhibits_only_while_it_uses_an_approval_for_that(company: Company) -> None:
    ina, case = company.work("ina"), company.case
    request = company.granted("contain_principal", company.subject, {}, used=True)
    with pytest.raises(ApprovalError):
        ina.material(case, request)
    with pytest.raises(ApprovalError):
        ina.sealed_exhibit(case, request, "E-0001")
    given = company.granted("hand_over", "police", {}, used=True)
    assert SUBJECT.encode() in ina.sealed_exhibit(case, given, "E-0001")
    material = ina.material(case, given)
    assert material.names[company.subject] == SUBJECT
    assert [one.exhibit for one, _ in material.exhibits] == [f"E-{n:04d}" for n in range(1, len(material.exhibits) + 1)]
    company.clock.forward(100)
    with pytest.raises(ApprovalError):
        ina.material(case, given)


# --- nobody investigates themselves -------------------------------------------------------------------------


def test_naming_a_subject_locks_them_and_those_above_and_below_out_at_once(tmp_path: Path) -> None:
    company = opened_company(tmp_path / "company")
    case = company.case
    company.work("ina").admit(case, "saul", ["investigator"])
    company.work("saul").note(case, "my own case, as it turns out")
    company.work("ina").set_subjects(case, [SUBJECT], [], "the finding")
    assert [len(denied(company, who)) for who in ("saul", "bea", "chet", "rita", "ina", "dana")] == [1, 1, 1, 1, 0, 0]
    for who in ("saul", "bea", "chet", "rita"):
        with pytest.raises(NotAllowedError):
            company.work(who).show(case)
    with pytest.raises(NotAllowedError):
        company.work("ina").admit(case, "saul", ["investigator"])
    company.close()


def test_a_subject_who_names_themselves_is_out_with_that(tmp_path: Path) -> None:
    company = opened_company(tmp_path / "company")
    case = company.work("saul").open_case("Strange mail", "hand").case
    company.work("ina").note(company.case, "x")
    company.work("saul").set_subjects(case, [SUBJECT], [], "it was me")
    with pytest.raises(NotAllowedError):
        company.work("saul").show(case)
    company.close()


def test_who_is_enrolled_later_with_the_account_of_a_subject_is_denied_too(company: Company) -> None:
    company.enrol("new-saul", "investigator", "approver", principal=SUBJECT)
    assert not denied(company, "new-saul")
    for call in (
        lambda: company.work("new-saul").show(company.case),
        lambda: company.work("ina").admit(company.case, "new-saul", ["investigator"]),
        lambda: company.work("new-saul").approve(company.case, hand_over(company)),
    ):
        with pytest.raises(NotAllowedError):
            call()


def test_dropping_a_subject_gives_nobody_the_case_back(company: Company) -> None:
    company.work("ina").set_subjects(company.case, [], [SELLER], "it was an outsider")
    with pytest.raises(NotAllowedError):
        company.work("saul").show(company.case)


def test_a_lock_out_does_not_say_who_the_subject_is(company: Company) -> None:
    reasons = {one.reason for who in ("saul", "bea", "chet", "rita") for one in denied(company, who)}
    assert len(reasons) == 1
