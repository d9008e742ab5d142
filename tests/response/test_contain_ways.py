"""Containing in real HTTP: SCIM with its quirks, Okta, signed calls; what changed nothing is found out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leaktrace.errors import ApprovalError, ResponseError
from tests.response.containing import CASE, SELLER, SUBJECT, Desk, hook_toml, okta_toml, person, scim_toml
from tests.response.fake_systems import Marketplace, OktaServer, ScimServer, served

QUIRKS = {
    "as the standard says": ScimServer(),
    "204 without a body": ScimServer(empty_answers=True),
    "only path-less": ScimServer(understands=frozenset({"pathless"})),
    "only path-less, 200 to all else": ScimServer(understands=frozenset({"pathless"}), pretends=200),
    "only as Entra sends it": ScimServer(understands=frozenset({"entra"}), pretends=204),
    "keeps the text False": ScimServer(understands=frozenset({"entra"}), keeps_text=True),
    "no PATCH": ScimServer(understands=frozenset({"put"}), pretends=501),
    "ignores filters": ScimServer(ignores_filter=True),
}


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda name: name.replace(" ", "-"))
def test_a_scim_server_is_contained_whatever_it_understands(quirk: str, tmp_path: Path) -> None:
    server = QUIRKS[quirk]
    other, number = server.add("somebody.else"), server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        outcome = desk.run()
        assert outcome.state == "contained", outcome
        assert outcome.call is None
        assert server.users[number]["active"] in (False, "False")
        assert server.users[other]["active"] is True
        undone = desk.run(undo=True)
    assert undone.state == "undone", undone
    assert server.users[number]["active"] in (True, "True")
    assert desk.states() == ["contained", "undone"]


@pytest.mark.parametrize("status", [200, 204])
def test_a_server_that_says_yes_and_does_nothing_is_found_out(status: int, tmp_path: Path) -> None:
    server = ScimServer(understands=frozenset(), pretends=status)
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        outcome = desk.run()
    assert outcome.state == "failed"
    assert outcome.call is not None
    assert outcome.call.startswith("Call +49 1234.")
    assert sum(desk.clock.slept) == pytest.approx(30)
    assert desk.states() == ["failed"]


def test_a_user_that_was_inactive_before_stays_so_after_an_undo(tmp_path: Path) -> None:
    server = ScimServer()
    number = server.add("a.meyer", active=False)
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        assert any("already" in warning for warning in desk.containment().plan(SUBJECT, "principal").warnings)
        assert desk.run().state == "contained"
        plan = desk.containment().plan(SUBJECT, "principal", undo=True)
    assert plan.refusals == ("Every account was inactive before: there is nothing to undo.",)
    assert server.users[number]["active"] is False


def test_contained_twice_an_undo_goes_back_to_before_the_first(tmp_path: Path) -> None:
    server = ScimServer()
    number = server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        assert desk.run().state == "contained"
        assert desk.run().state == "contained"  # it was inactive already when this one began
        assert desk.run(undo=True).state == "undone"
        assert server.users[number]["active"] is True
        with pytest.raises(ResponseError, match="Nothing was done"):
            desk.containment().plan(SUBJECT, "principal", undo=True)


def test_active_false_ends_no_session_so_a_call_does(tmp_path: Path) -> None:
    server = ScimServer()
    number = server.add("a.meyer")
    with served(server) as url:
        (tmp_path / "a").mkdir()
        desk = Desk(tmp_path / "a", scim_toml(url))
        assert any("ends sessions" in warning for warning in desk.containment().plan(SUBJECT, "principal").warnings)
        desk.run()
        assert server.sessions[number] == 2  # the attack: whoever is signed in goes on
        server.users[number]["active"] = True
        (tmp_path / "b").mkdir()
        revoking = f"""
[[systems.corp.end_sessions]]
name = "sign out"
method = "POST"
url = "{url}/revoke/{{reference}}"
secret_file = "scim"
check_url = "{url}/sessions/{{reference}}"
check_field = "left"
"""
        with_call = Desk(tmp_path / "b", scim_toml(url, revoking))
        outcome = with_call.run()
    assert outcome.state == "contained"
    assert "sign out: 0 left" in outcome.systems[0].detail
    assert server.sessions[number] == 0


def test_okta_is_suspended_and_signed_out_and_comes_back(tmp_path: Path) -> None:
    server = OktaServer()
    server.add("agent-7@example.com")
    with served(server) as url:
        desk = Desk(tmp_path, okta_toml(url))
        outcome = desk.run()
        assert outcome.state == "contained", outcome
        assert server.users["00u1"]["status"] == "SUSPENDED"
        assert server.sessions["00u1"] == 0
        assert "its word taken" in outcome.systems[0].detail  # sessions cannot be listed there, and that is said
        assert desk.run(undo=True).state == "undone"
    assert server.users["00u1"]["status"] == "ACTIVE"
    assert not any("deactivate" in path for _, path in server.calls)  # which could not be undone


@pytest.mark.parametrize(("status", "state"), [("RECOVERY", "failed"), ("SUSPENDED", "contained")])
def test_okta_in_another_status(status: str, state: str, tmp_path: Path) -> None:
    server = OktaServer()
    server.add("agent-7@example.com", status)
    with served(server) as url:
        assert Desk(tmp_path, okta_toml(url)).run().state == state


def test_a_busy_system_is_asked_again(tmp_path: Path) -> None:
    server = OktaServer(busy_count=3)
    server.add("agent-7@example.com")
    with served(server) as url:
        desk = Desk(tmp_path, okta_toml(url))
        assert desk.run().state == "contained"
    assert ("okta: suspend", False) in desk.steps()
    assert ("okta: suspend", True) in desk.steps()


def test_a_deaf_okta_is_failed_and_the_same_request_tries_again(tmp_path: Path) -> None:
    server = OktaServer(deaf=True)
    server.add("agent-7@example.com")
    with served(server) as url:
        desk = Desk(tmp_path, okta_toml(url))
        request = desk.agree()
        assert desk.run(request=request).state == "failed"
        server.deaf = False
        assert desk.run(request=request).state == "contained"
        with pytest.raises(ApprovalError, match="already"):
            desk.run(request=request)
    assert desk.states() == ["failed", "contained"]


def test_a_seller_is_blocked_with_reasons_that_name_no_customer_and_nobody_inside(tmp_path: Path) -> None:
    market = Marketplace()
    with served(market) as url:
        desk = Desk(tmp_path, hook_toml(url))
        assert desk.run(SELLER, "seller").state == "contained"
        assert market.states[SELLER] == "contained"
        (body,) = market.bodies
        reasons = body["statement_of_reasons"]
        assert "31 complaint(s) by 29 customer(s)" in reasons["facts"][0]
        assert reasons["contractual_ground"].startswith("Section 7.2")
        assert len(reasons["redress"]) == 3
        assert "Two persons" in reasons["automated_means"]
        assert body["request"] == "A-0001"
        for hidden in ("agent-7", "a.meyer", SUBJECT):
            assert hidden not in json.dumps(body)
        assert desk.run(SELLER, "seller", undo=True).state == "undone"
    assert market.states[SELLER] == "active"
    assert not market.refusals


def test_a_case_without_facts_gives_no_reasons(tmp_path: Path) -> None:
    with served(Marketplace()) as url:
        desk = Desk(tmp_path, hook_toml(url))
        desk.facts = type(desk.facts)(SELLER, 0, 0, 0, None, None, None)
        with pytest.raises(ResponseError, match="no fact"):
            desk.containment().plan(SELLER, "seller")


@pytest.mark.parametrize(("deaf", "status", "state"), [(True, True, "failed"), (False, False, "not_confirmed")])
def test_a_receivers_202_is_not_believed(deaf: bool, status: bool, state: str, tmp_path: Path) -> None:
    with served(Marketplace(deaf=deaf)) as url:
        outcome = Desk(tmp_path, hook_toml(url, status=status)).run(SELLER, "seller")
    assert outcome.state == state
    assert outcome.call is not None


def test_nothing_is_done_without_the_second_person_nor_for_another_account(tmp_path: Path) -> None:
    server = ScimServer()
    number = server.add("a.meyer")
    server.add("b.ito")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        with pytest.raises(ApprovalError):
            desk.containment().carry_out(SUBJECT, "principal", "A-0001")
        request = desk.agree()
        # Somebody changes which account it is after two people signed.
        path = tmp_path / "contain.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("a.meyer", "b.ito"), encoding="utf-8")
        with pytest.raises(ApprovalError, match="something else"):
            desk.run(request=request)
    assert server.users[number]["active"] is True
    assert server.users["u-2"]["active"] is True


def test_the_last_administrator_stays(tmp_path: Path) -> None:
    server = ScimServer()
    root, number = server.add("root", active=False), server.add("a.meyer")
    server.groups = [{"displayName": "admins", "members": [{"value": root}, {"value": number}]}]
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url, 'admin_group = "admins"'))
        plan = desk.containment().plan(SUBJECT, "principal")
        assert plan.refusals == ("corp: this is its last administrator.",)  # the other one is inactive
        server.users[root]["active"] = True
        request = desk.agree()
        server.users[root]["active"] = False  # between asking and acting
        with pytest.raises(ResponseError, match="last administrator"):
            desk.run(request=request)
        (tmp_path / "contain.toml").write_text(
            (tmp_path / "contain.toml").read_text().replace('admin_group = "admins"', "").replace("administrators", "#")
        )
        assert "is not known" in desk.containment().plan(SUBJECT, "principal").refusals[0]
    assert server.users[number]["active"] is True


@pytest.mark.parametrize(
    ("others", "refused"), [(("omar",), True), (("omar", "petra"), False), (("omar", "petra", "quentin"), False)]
)
def test_an_approver_can_be_suspended_while_two_remain(others: tuple[str, ...], refused: bool, tmp_path: Path) -> None:
    server = ScimServer()
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        desk.people = (person("ada", "approver", principal="agent-7"), *(person(one, "approver") for one in others))
        refusals = desk.containment().plan(SUBJECT, "principal").refusals
    assert bool(refusals) is refused


def test_who_has_no_account_somewhere_is_not_half_contained_in_silence(tmp_path: Path) -> None:
    server = ScimServer()
    with served(server) as url:
        unmapped = Desk(tmp_path, scim_toml(url).replace("agent-7", "agent-8"))
        assert "no account for this subject" in unmapped.containment().plan(SUBJECT, "principal").refusals[0]
        (tmp_path / "b").mkdir()
        unknown = Desk(tmp_path / "b", scim_toml(url))
        assert "does not know the account" in unknown.containment().plan(SUBJECT, "principal").refusals[0]


def test_no_secret_and_no_account_in_what_is_written_down(tmp_path: Path) -> None:
    server = ScimServer(understands=frozenset(), pretends=200)
    server.add("a.meyer")
    with served(server) as url:
        desk = Desk(tmp_path, scim_toml(url))
        desk.run()
        server.token = "another"  # noqa: S105 - of a fake
        with pytest.raises(ResponseError) as caught:
            desk.containment().plan(SUBJECT, "principal")
    written = repr(desk.diary.events(CASE)) + str(caught.value)
    for secret in ("s3cret-token", "hook-secret", "a.meyer", "agent-7"):
        assert secret not in written
