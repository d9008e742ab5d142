"""Pseudonyms, words that name nobody, who conflicts with whom, habits of an account, people's rules."""

from __future__ import annotations

import hmac
import itertools
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.caserecords import LogEntry, NoteAdded, PersonChanged, PersonEnrolled, RecordedEvent
from leaktrace.cases.conflicts import chiefs_of, conflict
from leaktrace.cases.identity import KeyFileSignIn, PasswordSignIn
from leaktrace.cases.oddities import AccountUse, at_least, habit_facts
from leaktrace.cases.people import NO_CASE, People, changed, enrolled, key_id_of, next_people
from leaktrace.cases.plainwords import nameless
from leaktrace.cases.pseudonyms import PSEUDONYM, NameKind, code_of, pseudonym_for, replaced
from leaktrace.cases.signing import Passwords, PersonKey, make_person_key
from leaktrace.errors import CaseError, KeyFileError, NotAllowedError
from leaktrace.passphrases import Cost

AT = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = 3_600_000_000, 86_400_000_000


def tag(key: bytes) -> object:
    return lambda payload: hmac.new(key, payload, "sha256").hexdigest()


# --- pseudonyms ---------------------------------------------------------------------------------------------


def given_all(names: list[str], case: str, kind: NameKind, key: bytes = b"k") -> dict[str, str]:
    taken: dict[str, str] = {}
    for name in names:
        taken[pseudonym_for(tag(key), case, kind, name, taken.get)] = name  # type: ignore[arg-type]
    return {name: pseudonym for pseudonym, name in taken.items()}


def test_thousands_of_names_get_pseudonyms_of_their_own_that_stay() -> None:
    names = [f"u{n:06d}" for n in range(5000)]
    first, again = given_all(names, "K-1", "principal"), given_all(names, "K-1", "principal")
    assert len(set(first.values())) == 5000
    assert first == again
    assert all(PSEUDONYM.fullmatch(one) and one.startswith("P-") for one in first.values())
    assert max(map(len, first.values())) > 6, "some had to become longer: 5,000 of a million begin alike"


def test_case_kind_and_key_each_give_other_pseudonyms() -> None:
    codes = {
        code_of(tag(key), case, kind, "u1")  # type: ignore[arg-type]
        for key in (b"k", b"l")
        for case in ("K-1", "K-2")
        for kind in ("principal", "customer")
    }
    assert len(codes) == 8
    assert code_of(tag(b"k"), "K-1", "principal", "a\0b") != code_of(tag(b"k"), "K-1", "principal", "a")  # type: ignore[arg-type]


def test_names_are_replaced_as_whole_words_longer_ones_first() -> None:
    names = {"u1": "P-aaaa", "u12": "P-bbbb", "u1.x": "P-cccc"}
    assert replaced("u12 and u1, u123 and u1.x; U1", names) == "P-bbbb and P-aaaa, u123 and P-cccc; U1"
    assert replaced("nobody", {}) == "nobody"


# --- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["mail to jane@example.org", "u01272 was asked", "U01272", "(u01272)", "\x1b[2J", "a\u202eb", "x" * 20_001]
)
def test_words_that_name_somebody_or_steer_a_terminal_are_refused(text: str) -> None:
    with pytest.raises(CaseError) as refusal:
        nameless(text, {"u01272": "P-aaaa"}, "note")
    assert "01272" not in str(refusal.value)
    assert "jane" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "P-aaaa was asked", "xu01272y", "2 u's", "سلام", "line\nline\t.", "a @ b"])
def test_words_that_name_nobody_are_left_as_they_are(text: str) -> None:
    assert nameless(text, {"u01272": "P-aaaa", "u": "P-bbbb"}, "note") == text


# --- conflicts ----------------------------------------------------------------------------------------------

LINES = {"a": "b", "b": "c", "m": "b", "x": "y", "y": "x"}


@pytest.mark.parametrize(
    ("who", "subjects", "expected"),
    [
        ("a", {"a"}, "a subject"),
        ("b", {"a"}, "manager"),
        ("c", {"a"}, "manager"),
        ("a", {"b"}, "reports to"),
        ("a", {"c"}, "reports to"),
        ("m", {"a"}, None),
        ("a", {"z"}, None),
        (None, {"a"}, None),
        ("x", {"y"}, "reports to"),
        ("z", {"x"}, None),
    ],
)
def test_oneself_those_above_and_those_below(who: str | None, subjects: set[str], expected: str | None) -> None:
    found = conflict(who, subjects, LINES)
    assert (found is None) == (expected is None)
    assert expected is None or expected in str(found)


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")), st.sampled_from("abcdef"))
def test_circles_in_the_table_end(lines: dict[str, str], start: str) -> None:
    chiefs = list(chiefs_of(start, lines))
    assert len(chiefs) == len(set(chiefs)) <= 6
    assert start not in chiefs


# --- habits -------------------------------------------------------------------------------------------------


def use(hours: list[int], days: list[int], tools: list[str], evidence: list[bool]) -> AccountUse:
    at = np.array([day * DAY + hour * HOUR for hour, day in zip(hours, days, strict=True)], dtype=np.int64)
    return AccountUse(at, tuple(tools), np.array(evidence, dtype=bool), "employee")


def office(count: int) -> tuple[list[int], list[int], list[str]]:
    rng = np.random.default_rng(3)
    return rng.integers(8, 18, count).tolist(), rng.integers(0, 300, count).tolist(), ["crm"] * count


def readings(account: AccountUse) -> dict[str, str]:
    return {fact.about: fact.reading for fact in habit_facts(account)}


def test_an_account_that_does_what_it_always_does_is_usual() -> None:
    hours, days, tools = office(2000)
    account = use(hours, days, tools, [n % 40 == 0 for n in range(2000)])
    assert set(readings(account).values()) == {"usual"}


def test_hours_tools_and_volume_that_are_not_its_habit_are_unusual() -> None:
    hours, days, tools = office(2000)
    account = use(
        hours + [3] * 40, days + [310] * 20 + [311] * 20, tools + ["export"] * 40, [False] * 2000 + [True] * 40
    )
    assert readings(account) == {
        "kind": "usual", "hours": "unusual", "weekdays": "usual", "tool": "unusual", "volume": "unusual",
    }  # fmt: skip


def test_where_there_is_no_habit_it_cannot_be_told() -> None:
    account = use([9] * 5, [1, 2, 3, 4, 5], ["crm"] * 5, [True] * 3 + [False] * 2)
    told = readings(account)
    assert {told[name] for name in ("hours", "weekdays", "tool", "volume")} == {"cannot_tell"}
    nothing = AccountUse(np.zeros(0, np.int64), (), np.zeros(0, bool), None)
    assert set(readings(nothing).values()) == {"cannot_tell"}


def test_few_accounts_of_innocents_look_unusual() -> None:
    """Known answer: the same habit, drawn again and again, is called unusual about as seldom as it says."""
    rng = np.random.default_rng(11)
    unusual = 0
    for _ in range(300):
        at = rng.integers(0, 300, 600) * DAY + rng.integers(6, 22, 600) * HOUR
        tools = tuple(rng.choice(["crm", "search", "mail"], 600, p=[0.9, 0.09, 0.01]).tolist())
        facts = habit_facts(AccountUse(at, tools, rng.random(600) < 0.05, "employee"))
        unusual += any(fact.reading == "unusual" for fact in facts)
    assert unusual <= 12


def test_a_service_account_is_said_to_be_one() -> None:
    facts = habit_facts(AccountUse(np.zeros(0, np.int64), (), np.zeros(0, bool), "service"))
    assert next(fact for fact in facts if fact.about == "kind").reading == "unusual"


@given(st.integers(1, 60), st.floats(0.001, 0.999))
def test_the_binomial_tail_is_one(tried: int, probability: float) -> None:
    tails = [at_least(seen, tried, probability) for seen in range(tried + 2)]
    assert tails[0] == 1.0
    assert all(0.0 <= later <= earlier + 1e-12 for earlier, later in itertools.pairwise(tails))
    assert tails[tried] == pytest.approx(probability**tried, rel=1e-9)
    assert tails[1] == pytest.approx(1 - (1 - probability) ** tried, rel=1e-6, abs=1e-12)


# --- people -------------------------------------------------------------------------------------------------


def key(number: int) -> str:
    return f"{number:064x}"


def enrolment(name: str, number: int, *roles: str) -> PersonEnrolled:
    return PersonEnrolled(name, roles, key_id_of(key(number)), key(number))  # type: ignore[arg-type]


def alteration(name: str, number: int, *roles: str, active: bool = True) -> PersonChanged:
    return PersonChanged(name, roles, active, key_id_of(key(number)), key(number), "why")  # type: ignore[arg-type]


FEW = enrolled(enrolled(People(), enrolment("root", 1, "admin"), 0), enrolment("ina", 2, "investigator"), 1)


@pytest.mark.parametrize(
    ("people", "event"),
    [
        (People(), enrolment("ina", 1, "investigator")),
        (FEW, enrolment("ina", 3, "approver")),
        (FEW, enrolment("Ina", 3, "approver")),
        (FEW, enrolment("../x", 3, "approver")),
        (FEW, enrolment("max", 2, "approver")),
        (FEW, enrolment("max", 3)),
        (FEW, enrolment("max", 3, "admin", "approver")),
        (FEW, enrolment("max", 3, "auditor", "investigator")),
        (FEW, PersonEnrolled("max", ("approver",), "0" * 16, key(3))),
        (FEW, PersonEnrolled("max", ("approver",), "0" * 16, "not a key")),
    ],
)
def test_who_cannot_be_enrolled(people: People, event: PersonEnrolled) -> None:
    with pytest.raises(CaseError):
        enrolled(people, event, 5)


@pytest.mark.parametrize(
    ("event", "actor"),
    [
        (alteration("nobody", 3, "approver"), "root"),
        (alteration("root", 1, "investigator"), "root"),
        (alteration("root", 1, "admin", active=False), "root"),
        (alteration("ina", 1, "investigator"), "root"),
        (alteration("ina", 2, "investigator", "admin"), "root"),
        (alteration("root", 1, "approver"), "ina"),
        (alteration("root", 1, "admin", active=False), "ina"),
        (PersonChanged("ina", ("approver",), True, key_id_of(key(2)), key(2), " "), "root"),
    ],
)
def test_what_cannot_be_changed(event: PersonChanged, actor: str) -> None:
    with pytest.raises(CaseError):
        changed(FEW, event, actor, 5)


def test_a_rotated_key_stays_its_owners() -> None:
    after = changed(FEW, alteration("ina", 7, "investigator"), "ina", 9)
    assert [(one.person, one.from_index) for one in after.keys] == [("root", 0), ("ina", 1), ("ina", 9)]
    with pytest.raises(CaseError, match="somebody else"):
        enrolled(after, enrolment("max", 2, "approver"), 10)


def test_events_of_cases_are_none_of_people() -> None:
    entry = LogEntry(0, NO_CASE, "NoteAdded", AT, "0" * 64)
    with pytest.raises(CaseError, match="belongs into a case"):
        next_people(FEW, RecordedEvent(entry, NoteAdded("x"), "ina", "00"))


# --- signing in ---------------------------------------------------------------------------------------------

CHEAP = Cost(1, 64, 1)


def people_with(name: str, public_key: str) -> People:
    return enrolled(FEW, PersonEnrolled(name, ("approver",), key_id_of(public_key), public_key), 2)


def test_signing_in_by_key_takes_the_enrolled_key(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    own = make_person_key(folder / "dana.key", "dana", None)
    people = people_with("dana", own.public_key)
    actor = KeyFileSignIn("dana", folder / "dana.key").sign_in(people)
    assert (actor.person, actor.signed_in_by) == ("dana", "key")
    make_person_key(folder / "other.key", "dana", None)
    with pytest.raises(KeyFileError):
        KeyFileSignIn("dana", folder / "other.key").sign_in(people)
    with pytest.raises(NotAllowedError):
        KeyFileSignIn("eve", folder / "dana.key").sign_in(people)
    left = changed(people, PersonChanged("dana", ("approver",), False, own.key_id, own.public_key, "left"), "root", 3)
    with pytest.raises(NotAllowedError):
        KeyFileSignIn("dana", folder / "dana.key").sign_in(left)


def test_signing_in_by_password_tells_nothing_about_names() -> None:
    passwords, kept = Passwords(CHEAP), dict[str, str]()
    hashes = {"dana": passwords.hash("correct horse battery"), "gone": passwords.hash("correct horse battery")}
    people = people_with("dana", PersonKey.fresh("dana").public_key)

    def sign_in(name: str, password: str, cost: Passwords = passwords) -> object:
        return PasswordSignIn(name, password, hashes.get, kept.__setitem__, cost).sign_in(people)

    actor = sign_in("dana", "correct horse battery")
    assert getattr(actor, "key", "?") is None
    told = set()
    for name, password in (("dana", "wrong horse battery"), ("eve", "x" * 12), ("gone", "correct horse battery")):
        with pytest.raises(NotAllowedError) as refusal:
            sign_in(name, password)
        told.add(str(refusal.value))
    assert len(told) == 1
    assert not kept
    sign_in("dana", "correct horse battery", Passwords(Cost(2, 64, 1)))
    assert set(kept) == {"dana"}
