"""The story of a case at the terminal: people, case, subjects, checks, exposure, approval by two, names, hold, end."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords.checks import CHECK_NAMES
from leaktrace.cases.exhibits import CEILING_BYTES
from leaktrace.cli import main
from tests.stories.conftest import Library
from tests.stories.desk import Answer, Desk

STAFF = {"ina": "investigator", "olaf": "privacy_officer", "dana": "approver", "aud": "auditor", "root": "admin"}


@dataclass(frozen=True)
class Staffed:
    """A workspace with people, and a case about its campaign."""

    desk: Desk
    case: str
    truth: dict[str, Any]

    def run(self, who: str, *arguments: object) -> Answer:
        return self.desk.run(*arguments, "--as", who, "--json")

    def json(self, who: str, *arguments: object) -> Any:
        return self.desk.json(*arguments, "--as", who)

    def show(self) -> Any:
        return self.json("ina", "case", "show", self.case)


def staffed(desk: Desk) -> None:
    """Enrols root, and by root everybody else."""
    desk.json("people", "add", "root", "--role", "admin", "--plain")
    for who, role in STAFF.items():
        if who != "root":
            desk.json("people", "add", who, "--role", role, "--plain", "--as", "root")


@pytest.fixture(scope="module")
def told(stories: Library, tmp_path_factory: pytest.TempPathFactory) -> Staffed:
    story = stories("one")
    folder = tmp_path_factory.mktemp("case")
    desk = replace(story.desk.copy_to(folder / "ws"), config=_copied(story.desk.config, folder / "config"))
    settings = json.dumps({"complaint_handlers": story.truth["handlers"]})
    (desk.workspace / "settings.json").write_text(settings, encoding="utf-8")
    staffed(desk)
    opened = desk.json("case", "open", "--campaign", story.campaign, "--as", "ina")
    return Staffed(desk, opened["case"], story.truth)


def _copied(config: Path, target: Path) -> Path:
    return Path(shutil.copytree(config, target))


def test_the_whole_way(told: Staffed) -> None:
    (source,), case = told.truth["sources"], told.case
    view = told.show()
    (finding,) = view["findings"]
    assert finding["outcome"] == "named"
    (subject,) = finding["named"]
    assert subject.startswith("P-")
    told.json(
        "ina", "case", "subject", case, "--principal", subject, "--seller", told.truth["seller"], "--why", "the finding"
    )
    other = told.run("ina", "case", "subject", case, "--principal", subject, "--why", "of the seller nothing is sure")
    assert f"No longer about seller {told.truth['seller']}." in other.err
    both = ("--principal", subject, "--seller", told.truth["seller"])
    assert "No longer" not in told.run("ina", "case", "subject", case, *both, "--why", "now it is").err
    early = told.run("ina", "case", "request", case, "contain_principal", subject, "--why", "stop it")
    assert "check" in early.error()["message"]
    answers = [part for check in CHECK_NAMES for part in ("--answer", f"{check}=no")]
    checks = told.json("ina", "case", "checks", case, *answers, "--note", "register of accounts")
    assert {line["answered"]["answer"] for line in checks["checks"]} == {"no"}
    assert {fact["about"] for fact in checks["facts"][0]["facts"]} == {"kind", "hours", "weekdays", "tool", "volume"}
    exposure = told.json("ina", "case", "exposure", case, "--freeze")
    assert exposure["frozen"]["customer_count"] == exposure["summary"]["customer_count"] > 0
    assert f"{exposure['frozen']['exhibit']} is frozen" in told.desk.run("case", "exposure", case, "--as", "ina").out
    rows = told.json("dana", "case", "exposure", case, "--rows")["rows"]
    last = told.desk.json("lookups")["entries"][-1]
    assert (last["what"], last["subject"]) == ("exposure", case), "whoever reads the list leaves a trace"
    assert len(rows) == exposure["frozen"]["customer_count"]
    assert all(row["customer"].startswith("C-") for row in rows)
    (request,) = told.json("ina", "case", "request", case, "contain_principal", subject, "--why", "stop it")
    assert told.run("ina", "case", "approve", case, request["request"], "--yes").code == 2
    (approved,) = told.json("dana", "case", "approve", case, request["request"], "--yes")
    assert (approved["state"], approved["decided_by"]) == ("approved", "dana")
    (asked,) = told.json("ina", "case", "unmask", case, subject, "--why", "to ask the team's lead")
    told.json("dana", "case", "approve", case, asked["request"], "--yes")
    assert told.json("ina", "case", "unmask", case, asked["request"])["name"] == source
    lookups = told.desk.json("lookups")["entries"]
    assert [(e["who"], e["what"]) for e in lookups if e["what"] == "unmask"] == [("ina", "unmask")]
    assert source not in json.dumps([e for e in lookups if e["who"] == "ina"])


def test_whoever_approves_is_shown_what_speaks_against(told: Staffed) -> None:
    campaign = told.show()["campaign"]
    opened = told.json("ina", "case", "open", "--campaign", campaign)
    case, (subject,) = opened["case"], opened["findings"][0]["named"]
    seller = told.truth["seller"]
    told.json("ina", "case", "subject", case, "--principal", subject, "--seller", seller, "--why", "the finding")
    answers = [part for check in CHECK_NAMES for part in ("--answer", f"{check}=no")]
    told.json("ina", "case", "checks", case, *answers, "--note", "register of accounts")
    told.json("ina", "case", "checks", case, "--answer", "shared_account=yes", "--note", "two of the late shift")
    for action, target in (("contain_principal", subject), ("hand_over", "police")):
        (request,) = told.json("ina", "case", "request", case, action, target, "--why", "stop it")
        looked = told.desk.run("case", "approve", case, request["request"], "--as", "dana")
        assert looked.code == 2, "nobody was there to be asked"
        assert "What speaks against it:" in looked.err
        assert f"{subject}: 'Did more than one person use this account" in looked.err
        assert "Answered: yes. That speaks for somebody else behind the account." in looked.err
        assert "two of the late shift" in looked.err
        assert looked.err.index("What speaks against it:") < looked.err.index("nothing was approved")
        assert told.truth["sources"][0] not in looked.err
    (request,) = told.json("ina", "case", "request", case, "contain_seller", seller, "--why", "stop it")
    assert "speaks against" not in told.desk.run("case", "approve", case, request["request"], "--as", "dana").err


def test_several_requests_are_approved_at_once_and_signed_one_by_one(told: Staffed) -> None:
    asking = ("case", "request", told.case, "approve_translation")
    texts = ("general/de", "general/fr")
    told.json("ina", "case", "admit", told.case, "olaf", "--role", "privacy_officer")
    first, second = (told.json("olaf", *asking, text, "--why", "read by K. Lang")[0]["request"] for text in texts)
    approve = ("case", "approve", told.case, first, second)
    refused = told.run("dana", *approve, "A-9999", "--yes")
    assert refused.code == 2
    states = {one["request"]: one["state"] for one in told.json("dana", "case", "approvals", told.case)}
    assert (states[first], states[second]) == ("waiting", "waiting"), "one wrong id, and nothing is signed"
    agreed = told.json("dana", *approve, first, "--yes")
    assert [(one["request"], one["state"]) for one in agreed] == [(first, "approved"), (second, "approved")]


def test_a_legal_hold_of_the_case_keeps_the_ledger_from_forgetting(told: Staffed) -> None:
    case = told.case
    if told.show()["exposure"] is None:
        told.json("ina", "case", "exposure", case, "--freeze")
    told.json("ina", "case", "admit", case, "olaf", "--role", "privacy_officer")
    reported = [one for one in told.truth["reporting_customers"] if one in told.truth["leaked_customers"]]
    forget = ("ledger", "forget", reported[0], "--yes", "--case", case, "--why", "asked by the customer")
    held_back = _asked_and_approved(told, *forget)
    held = told.json("olaf", "case", "hold", case, "--why", "asked by the prosecutor")
    assert held["hold_count"] == told.show()["exposure"]["customer_count"]
    assert told.show()["held"]
    for unsigned in (("forget", reported[0], "--yes"), ("release", case)):
        refused = told.desk.run("ledger", *unsigned, "--json")
        assert (refused.code, "not done unsigned" in refused.error()["message"]) == (2, True), unsigned
    assert told.show()["held"]
    waiting = len(told.show()["requests"])
    early = told.run("olaf", *forget).error()
    assert (case in early["message"], "case hold CASE --release" in early["hint"]) == (True, True)
    assert len(told.show()["requests"]) == waiting, "nobody is asked to agree to what a hold keeps anyway"
    assert case in told.run("olaf", *forget, "--approval", held_back).error()["message"]
    assert told.json("olaf", "case", "hold", case, "--release", "--why", "ended")["hold_count"] == held["hold_count"]
    other = [reported[1] if word == reported[0] else word for word in forget]
    assert "parameters" in told.run("olaf", *other, "--approval", held_back).error()["message"]
    done = told.run("olaf", *forget, "--approval", held_back)
    assert done.code == 3, "what the hold refused did not cost the approval of two"
    assert told.run("olaf", *forget, "--approval", held_back).code == 2, "each approval is used once"
    # The rows are gone; the case keeps what is evidence in it, and that is said with what to do.
    assert (done.document()["customer_count"], done.document()["held_in"]) == (1, [case])
    stranger = [one for one in told.truth["mailed_customers"] if one not in told.truth["leaked_customers"]][-1]
    again = [stranger if word == reported[0] else word for word in forget]
    other_done = told.run("olaf", *again, "--approval", _asked_and_approved(told, *again, in_evidence=False))
    assert (other_done.code, other_done.document()["held_in"]) == (0, [])
    retain = ("ledger", "retain", "--before", "2020-01", "--case", case, "--why", "policy")
    assert told.json("olaf", *retain, "--approval", _asked_and_approved(told, *retain))["done"]


def test_who_is_to_be_forgotten_has_an_id_that_is_known(told: Staffed) -> None:
    """A slip is told when it is asked for: the second person sees a keyed number and cannot."""
    told.json("ina", "case", "admit", told.case, "olaf", "--role", "privacy_officer")
    forget = ("ledger", "forget", "--case", told.case, "--why", "asked by the customer")
    for blank in ("", " "):
        assert "empty" in told.run("olaf", *forget, blank).error()["message"]
    mistyped = told.run("olaf", *forget, "c-typo")
    assert mistyped.code == 3
    assert "knows no customer c-typo" in mistyped.err


def _asked_and_approved(told: Staffed, *command: object, in_evidence: bool = True) -> str:
    (asked,) = told.json("olaf", *command)
    seen = told.run("dana", "case", "approve", told.case, asked["request"], "--yes")
    assert seen.code == 0
    # Whoever approves sees whether somebody to be erased is evidence.
    assert ("in_evidence_of" in seen.err) == (command[1] == "forget" and in_evidence)
    request: str = asked["request"]
    return request


def test_the_timeline_reads_as_sentences_and_holds_no_id(told: Staffed) -> None:
    events = told.json("ina", "case", "timeline", told.case)
    assert [event["kind"] for event in events[:4]] == [
        "CaseOpened", "PersonAdmitted", "ExhibitStored", "FindingAttached",
    ]  # fmt: skip
    text = json.dumps(events)
    assert told.truth["sources"][0] not in text
    assert not [one for one in told.truth["reporting_customers"] if one in text]
    shown = told.desk.run("case", "timeline", told.case, "--as", "ina").out
    assert "ina was admitted as investigator." in shown
    assert told.json("aud", "case", "timeline", told.case, "--audit")[0]["kind"] == "CaseOpened"


def test_the_finding_is_read_with_pseudonyms(told: Staffed, tmp_path: Path) -> None:
    out = tmp_path / "finding.json"
    told.json("ina", "case", "exhibit", told.case, "E-0001", "--out", out)
    last = told.desk.json("lookups")["entries"][-1]
    assert (last["who"], last["what"], last["subject"]) == ("ina", "exhibit", f"{told.case} E-0001")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text(encoding="utf-8")
    finding = json.loads(text)
    assert told.truth["sources"][0] not in text
    assert finding["named"] == told.show()["findings"][0]["named"]
    assert all(one["principal"].startswith("P-") for one in finding["candidates"])
    handlers = finding["provenance"]["settings"]["complaint_handlers"]
    assert len(handlers) == len(told.truth["handlers"]) > 0
    assert all(one.startswith("P-") for one in handlers)


def test_a_title_that_names_whom_the_finding_names_is_refused(told: Staffed) -> None:
    (source,), count = told.truth["sources"], len(told.json("dana", "case", "list"))
    for title in (f"Leak by {source}", f"{source.upper()}: it was"):
        opening = ("case", "open", "--campaign", told.show()["campaign"], "--title", title)
        refused = told.run("ina", *opening).error()
        assert "names somebody" in refused["message"]
        assert source not in json.dumps(refused)
    assert len(told.json("dana", "case", "list")) == count


def test_cases_from_a_tip_a_mail_and_by_hand(told: Staffed, tmp_path: Path) -> None:
    mail = tmp_path / "from-jane-doe.eml"
    mail.write_bytes(b"From: a@b.example\n\nBuy now\n")
    tip = told.json("ina", "case", "open", "--tip", "A list is offered for sale.", "--title", "An offered list")
    sent = told.json("ina", "case", "open", "--mail", mail, "--summary", "It came to the desk.")
    assert sent["summary"] == "It came to the desk."
    hand = told.json("ina", "case", "open", "--title", "Something odd", "--summary", "Nobody knows yet.")
    assert [one["source"] for one in (tip, sent, hand)] == ["tip", "mail", "hand"]
    exhibits = told.json("ina", "case", "exhibits", sent["case"])
    assert [one["kind"] for one in exhibits] == ["mail"]
    assert "jane" not in json.dumps([exhibits, told.json("ina", "case", "timeline", sent["case"])])
    assert not list(told.desk.workspace.rglob("*jane*"))
    closed = told.json("ina", "case", "close", hand["case"], "--conclusion", "error", "--why", "a mistake")
    assert closed[0]["kind"] == "CaseClosed"
    assert told.run("ina", "case", "note", hand["case"], "more").error()["message"].endswith("is closed.")
    told.json("ina", "case", "reopen", hand["case"], "--why", "it was none")


COMMANDS: dict[str, tuple[set[str], tuple[object, ...]]] = {
    "show": ({"ina", "dana"}, ("case", "show", "CASE")),
    "timeline": ({"ina", "dana"}, ("case", "timeline", "CASE")),
    "audit": ({"aud"}, ("case", "timeline", "CASE", "--audit")),
    "note": ({"ina", "dana"}, ("case", "note", "CASE", "seen")),
    "admit": ({"ina"}, ("case", "admit", "CASE", "ina", "--role", "investigator")),
    "lockout": ({"ina", "dana"}, ("case", "lockout", "CASE", "nobody-there")),
    "subject": ({"ina"}, ("case", "subject", "CASE", "--seller", "s1", "--why", "seen in the mail")),
    "checks": ({"ina", "dana"}, ("case", "checks", "CASE")),
    "finding": ({"ina"}, ("case", "finding", "CASE", "c-none")),
    "exposure": ({"ina", "dana"}, ("case", "exposure", "CASE")),
    "freeze": ({"ina"}, ("case", "exposure", "CASE", "--freeze")),
    "rows": ({"ina", "dana"}, ("case", "exposure", "CASE", "--rows")),
    "exhibits": ({"ina", "dana"}, ("case", "exhibits", "CASE")),
    "exhibit": ({"ina", "dana"}, ("case", "exhibit", "CASE", "E-0001", "--out", "OUT")),
    "hold": (set(), ("case", "hold", "CASE", "--all", "--why", "asked")),
    "close": ({"ina"}, ("case", "close", "CASE", "--conclusion", "nothing", "--why", "x")),
    "request": ({"ina"}, ("case", "request", "CASE", "hand_over", "police", "--why", "asked")),
    "approvals": ({"ina", "dana", "aud"}, ("case", "approvals", "CASE")),
    "approve": ({"dana"}, ("case", "approve", "CASE", "A-0077", "--yes")),
    "refuse": ({"dana"}, ("case", "refuse", "CASE", "A-0077", "--why", "no")),
    "unmask": ({"ina"}, ("case", "unmask", "CASE", "P-0000", "--why", "x")),
    "notices": ({"ina", "dana"}, ("notify", "status", "CASE")),
    "not told": ({"ina", "dana"}, ("notify", "left", "CASE")),
    "notice": ({"ina", "dana"}, ("notify", "preview", "CASE", "--person", "C-0000")),
    "statement": ({"ina", "dana"}, ("statement", "show", "CASE")),
    "ask to hand over": ({"ina"}, ("bundle", "CASE", "--ask", "--recipient", "police", "--why", "asked")),
    "list people": (set(STAFF), ("people", "list")),
    "add": ({"root"}, ("people", "add", "nina", "--role", "approver", "--public-key", "3" * 64)),
    "change": ({"root"}, ("people", "change", "nobody-there", "--role", "approver", "--why", "x")),
    "replace key": ({"root"}, ("people", "replace-key", "nobody-there", "--public-key", "3" * 64, "--why", "x")),
}
"""Command -> roles that get past the permission (olaf is not admitted to the case), and how it is given."""
_REFUSED = ("may not do this here", "may not ask for")


@pytest.fixture(scope="module")
def small(filled_once: Desk, tmp_path_factory: pytest.TempPathFactory) -> Staffed:
    folder = tmp_path_factory.mktemp("small-case")
    desk = replace(filled_once.copy_to(folder / "ws"), config=_copied(filled_once.config, folder / "config"))
    staffed(desk)
    opened = desk.json("case", "open", "--title", "By hand", "--as", "ina")
    desk.json("case", "exhibits", opened["case"], "--add", __file__, "--title", "A file", "--as", "ina")
    return Staffed(desk, opened["case"], {})


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_by_every_role(command: str, small: Staffed, tmp_path: Path) -> None:
    allowed, words = COMMANDS[command]
    for who in STAFF:
        given = [small.case if word == "CASE" else tmp_path / who if word == "OUT" else word for word in words]
        answer = small.run(who, *given)
        assert answer.code in (0, 2), answer
        refused = answer.code == 2 and any(part in answer.error()["message"] for part in _REFUSED)
        assert refused == (who not in allowed), (command, who, answer)


def test_who_does_not_show_who_they_are_gets_nothing(small: Staffed, tmp_path: Path) -> None:
    show = ("case", "show", small.case)
    assert "--as NAME" in small.desk.run(*show, "--json").error()["hint"]
    assert "not known here" in small.run("eve", *show).error()["message"]
    other = next(small.desk.config.rglob("*-dana.key"))
    assert small.run("ina", *show, "--key", other).code == 2
    for key in (tmp_path / "none", tmp_path, ""):
        assert small.run("ina", *show, "--key", key).error()["message"]
    assert small.run("ina", *show, "--password").code == 2


def test_an_exhibit_is_taken_whole_or_not_at_all(small: Staffed, tmp_path: Path) -> None:
    """Of more than a mail may have, too."""
    large = tmp_path / "image.bin"
    with large.open("wb") as stream:
        stream.truncate(70_000_000)
        stream.seek(0, os.SEEK_END)
        stream.write(b"the end")
    add = ("case", "exhibits", small.case, "--add", large, "--title", "A disk image")
    taken = small.json("ina", *add)[-1]
    with large.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    assert (taken["size_bytes"], taken["sha256"]) == (70_000_007, digest)
    os.truncate(large, CEILING_BYTES + 1)
    assert "too large" in small.run("ina", *add).error()["message"]


def test_a_password_reads_and_a_wrong_one_does_not(small: Staffed) -> None:
    def run(given: str, *arguments: object, new: bool = False) -> int:
        command = ["-w", small.desk.workspace, *arguments, "--as", "ina", "--json"]
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
            patch.setenv("XDG_CONFIG_HOME", str(small.desk.config))
            patch.setenv("LEAKTRACE_PASSWORD", given)
            if new:
                patch.setenv("LEAKTRACE_NEW_PASSWORD", given)
            return main(list(map(str, command)))

    show = ("case", "show", small.case, "--password")
    right, wrong = "correct horse battery", "wrong horse battery"
    assert run(right, "people", "password", new=True) == 0
    assert (run(right, *show), run(wrong, *show)) == (0, 2)
    assert run(right, "people", "password", "otto") == 2, "one's own password must not become a colleague's unasked"


def test_keys_are_rotated_by_their_owner_and_replaced_by_an_admin(small: Staffed) -> None:
    before = small.json("aud", "people", "list")
    rotated = small.json("aud", "people", "rotate-key", "--plain")
    assert rotated["public_key"] != next(one for one in before if one["person"] == "aud")["public_key"]
    assert small.json("aud", "people", "list")
    made = small.desk.json("people", "key", "spare", "--plain")
    small.json("root", "people", "replace-key", "aud", "--public-key", made["public_key"], "--why", "laptop stolen")
    assert small.run("aud", "people", "list").code == 2
    own = next(small.desk.config.rglob("*-spare.key"))
    own.replace(next(small.desk.config.rglob("*-aud.key")))


def test_names_and_words_that_make_no_sense_are_told(small: Staffed) -> None:
    for arguments in (
        ("case", "open", "--tip", "x", "--mail", "y"),
        ("case", "open", "--tip", " "),
        ("case", "open", "--title", "mail to jane@example.org"),
        ("case", "open", "--campaign", "c-none"),
        ("case", "checks", small.case, "--answer", "absent"),
        ("case", "exhibits", small.case, "--add", __file__),
        ("case", "exhibits", small.case, "--add", __file__, "--title", "x", "--kind", "nothing"),
        ("case", "request", small.case, "nothing", "x", "--why", "y"),
        ("case", "request", small.case, "hand_over", "x", "--why", "y", "--hours", "0"),
        ("case", "request", small.case, "hand_over", "x", "--why", "y", "--parameters", __file__),
        ("case", "exposure", small.case, "--freeze", "--rows"),
        ("people", "add", "Bad Name", "--role", "approver", "--plain"),
        ("people", "add", "max", "--role", "king", "--plain"),
        ("case", "subject", small.case, "--principal", "u-nobody", "--why", "x"),
        ("case", "subject", small.case, "--seller", "s-nobody", "--why", "x"),
    ):
        error = small.run("ina", *arguments).error()
        assert error["message"], arguments
        assert error["hint"], arguments
        assert "jane" not in json.dumps(error)


@pytest.mark.parametrize(
    "arguments",
    [
        ("case", "note", "CASE", "\udcff"),
        ("case", "open", "--title", "\udcff"),
        ("case", "request", "CASE", "hand_over", "\udcff", "--why", "y"),
        ("case", "request", "CASE", "hand_over", "x", "--why", "\udcff"),
        ("case", "exhibits", "CASE", "--add", __file__, "--title", "\udcff"),
        ("case", "open", "--tip", "\udcff"),
        ("case", "show", "\udcff"),
        ("notify", "status", "CASE", "--version", "\udcff"),
    ],
)
def test_bytes_that_are_no_text_are_refused_in_a_sentence(small: Staffed, arguments: tuple[str, ...]) -> None:
    """What a shell passes on where its terminal writes another encoding than UTF-8."""
    given = [small.case if word == "CASE" else word for word in arguments]
    assert "no UTF-8 text" in small.run("ina", *given).error()["message"]


@pytest.mark.parametrize("parameters", ["[" * 100_000, '{"share": NaN}', '{"name": "\\ud800"}'])
def test_parameters_that_cannot_be_signed_are_refused_in_a_sentence(
    small: Staffed, tmp_path: Path, parameters: str
) -> None:
    (tmp_path / "parameters.json").write_text(parameters, encoding="utf-8")
    asked = (
        "case",
        "request",
        small.case,
        "hand_over",
        "x",
        "--why",
        "y",
        "--parameters",
        tmp_path / "parameters.json",
    )
    assert "JSON" in small.run("ina", *asked).error()["message"]


def test_a_refused_enrolment_leaves_no_key_file_in_the_way(small: Staffed) -> None:
    """By somebody who may not, and with a role that there is not: the admin's next try works."""
    for who, role in (("ina", "approver"), ("nobody-there", "approver"), ("root", "king")):
        assert small.run(who, "people", "add", "late", "--role", role, "--plain").code == 2
        assert not list(small.desk.config.rglob("*-late.key")), who
    small.json("root", "people", "add", "late", "--role", "approver", "--plain")
    kept = next(small.desk.config.rglob("*-late.key")).read_bytes()
    assert small.run("root", "people", "add", "late", "--role", "approver", "--plain").code == 2
    assert next(small.desk.config.rglob("*-late.key")).read_bytes() == kept, "the key of somebody enrolled stays"


def test_where_nobody_can_be_asked_the_hint_names_a_way_that_the_command_has(
    small: Staffed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    (tmp_path / "phrase").write_bytes(b"\xc5\xff")
    (tmp_path / "phrase").chmod(0o600)
    new = small.run("root", "people", "add", "zoe", "--role", "approver").error()
    assert "--passphrase-file" in new["hint"]
    told = small.run("root", "people", "add", "zoe", "--role", "approver", "--passphrase-file", tmp_path / "phrase")
    assert "not UTF-8" in told.error()["message"]
    (tmp_path / "phrase").write_text("four words nobody joins\n")
    added = ("people", "add", "zoe", "--role", "approver", "--passphrase-file", tmp_path / "phrase")
    assert small.run("root", *added).code == 0
    assert small.run("zoe", "people", "list").error()["hint"] == "Set LEAKTRACE_PASSPHRASE."


def test_whom_the_software_locked_out_is_not_told_to_those_who_work_on_the_case(told: Staffed) -> None:
    """Else the name beside "the case is about them" opens the pseudonym beside it without anybody's approval."""
    told.json(
        "root", "people", "add", "sam", "--role", "investigator", "--principal", told.truth["sources"][0], "--plain"
    )
    case = told.json("ina", "case", "open", "--campaign", told.show()["campaign"])["case"]
    told.json("ina", "case", "lockout", case, "olaf", "--why", "a relative of somebody")
    assert told.run("sam", "case", "show", case).code == 2
    for command in ("show", "timeline"):
        for who in ("ina", "dana"):
            document = json.dumps(told.json(who, "case", command, case))
            words = told.desk.run("case", command, case, "--as", who).out
            assert "sam" not in document.replace("same", ""), (who, command, document)
            assert "sam" not in words.replace("same", ""), (who, command, words)
            assert "olaf" in document, "whom a person locked out is told"
            assert "olaf" in words
    shown = told.json("ina", "case", "show", case)
    assert (shown["locked_out"], shown["concerned_count"]) == (["olaf"], 1)
    assert "1 whom the case concerns" in told.desk.run("case", "show", case, "--as", "ina").out


def test_whoever_opens_a_case_about_themselves_is_refused_and_no_case_is_left(told: Staffed, tmp_path: Path) -> None:
    desk = replace(told.desk.copy_to(tmp_path / "ws"), config=_copied(told.desk.config, tmp_path / "config"))
    (source,) = told.truth["sources"]
    desk.json("people", "add", "rita", "--role", "investigator", "--principal", source, "--plain", "--as", "root")
    campaign = told.show()["campaign"]
    before = (desk.json("case", "list", "--as", "dana"), desk.json("custody", "verify"))
    refused = desk.run("case", "open", "--campaign", campaign, "--as", "rita", "--json").error()
    assert refused["message"] == "rita may not do this here (open, case)."
    assert (desk.json("case", "list", "--as", "dana"), desk.json("custody", "verify")) == before
    last = desk.json("lookups")["entries"][-1]
    assert (last["who"], last["what"]) == ("rita", "trace"), "that they asked stays written"
    # Nobody whom it does not concern is hindered, and a title that names somebody costs no trace.
    assert desk.json("case", "open", "--campaign", campaign, "--as", "ina")["findings"]
    count = len(desk.json("lookups")["entries"])
    named = ("case", "open", "--campaign", campaign, "--title", "mail to jane@example.org", "--as", "ina")
    assert desk.run(*named).code == 2
    assert len(desk.json("lookups")["entries"]) == count
