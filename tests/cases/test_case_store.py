"""Cases at rest: state and log in one transaction, nothing readable without the key, nothing changed unseen, kills."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from leaktrace.caserecords import CaseClosed, NoteAdded, SubjectSet
from leaktrace.cases import CaseStore, ExhibitStore, enrol_first
from leaktrace.cases.exhibits import CEILING_BYTES
from leaktrace.cases.signing import PersonKey
from leaktrace.errors import CaseError, CustodyError, KeyFileError, LeaktraceError
from leaktrace.keys import Keyring
from tests.cases.small_cases import (
    BOSS,
    CUSTOMERS,
    KEYRING,
    MATE,
    SUBJECT,
    Company,
    empty_company,
    full_company,
    keeper_for,
    opened_company,
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    company = full_company(tmp_path_factory.mktemp("store") / "full")
    yield company
    company.close()


@pytest.fixture
def company(full: Company, tmp_path: Path) -> Iterator[Company]:
    copy = full.copy_to(tmp_path / "copy")
    yield copy
    copy.close()


def changed(company: Company, *statements: str) -> Company:
    """The company after somebody wrote into the database beside the program; triggers stop them no longer than this."""
    company.close()
    with closing(sqlite3.connect(company.folder / "cases" / "cases.db", isolation_level=None)) as connection:
        for name in ("case_events_stay", "case_events_same", "custody_no_update", "custody_no_delete"):
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    company.open()
    return company


# --- together or not at all ---------------------------------------------------------------------------------


def test_every_event_has_its_entry_and_every_entry_its_event(company: Company) -> None:
    store = company.premises.store
    assert store.verify_events() == store.log.head().size == store.event_count()


def test_an_illegal_move_leaves_neither_event_nor_entry(company: Company) -> None:
    store, before = company.premises.store, company.premises.store.log.head()
    with pytest.raises(CaseError, match="empty"):
        company.work("olaf")._append(company.case, NoteAdded("kept?"), NoteAdded(" "))
    assert store.log.head() == before
    state = store.find(company.case)
    assert state is not None
    assert state.event_count == len(store.events(company.case))
    store.verify_events()


def test_another_process_sees_and_continues_what_was_committed(company: Company) -> None:
    other = Company(company.folder, company.keyring, company.clock, company.keys, company.case, company.subject)
    company.work("ina").note(company.case, "first")
    other.work("ina").note(company.case, "second")
    company.work("ina").note(company.case, "third")
    notes = [e.event.text for e in other.work("ina").timeline(company.case) if isinstance(e.event, NoteAdded)]
    assert notes[-3:] == ["first", "second", "third"]
    company.premises.store.verify_events()
    other.close()


def test_a_clock_that_was_set_back_does_not_stop_the_case(company: Company) -> None:
    company.clock.forward(-1000)
    company.work("ina").note(company.case, "after the clock was set back")
    times = [one.entry.at for one in company.work("ina").timeline(company.case)]
    assert times == sorted(times)


def test_a_case_is_made_anew_from_its_events(company: Company) -> None:
    before = company.work("ina").show(company.case)
    company.close()
    company.open()
    assert company.work("ina").show(company.case) == before


# --- nothing to read, nothing to change ---------------------------------------------------------------------


def test_no_name_and_no_word_lies_readable_on_the_disk(company: Company) -> None:
    company.work("ina").note(company.case, "a very unusual sentence")
    company.close()
    words = [
        *CUSTOMERS,
        SUBJECT,
        BOSS,
        MATE,
        "a very unusual sentence",
        "Mail of spring",
        "ina",
        "We are sorry",
        "olaf",
    ]
    for path in company.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found = [word for word in words if word.encode() in content]
            assert not found, path
            assert not [word for word in words if word in path.name]
            assert path.stat().st_mode & 0o077 == 0, path
    company.open()


def test_another_key_opens_nothing(company: Company) -> None:
    company.close()
    foreign = Company(company.folder, Keyring(b"\x06" * 32, "case workspace"), company.clock, company.keys)
    with pytest.raises(KeyFileError):
        foreign.premises.store.people()
    foreign.close()
    company.open()


ATTACKS = {
    "an event is changed": ["UPDATE case_events SET sealed = zeroblob(length(sealed)) WHERE idx = 20"],
    "two events change places": [
        "UPDATE case_events SET idx = -1 WHERE idx = 20",
        "UPDATE case_events SET idx = 20 WHERE idx = 21",
        "UPDATE case_events SET idx = 21 WHERE idx = -1",
    ],
    "an event is removed": ["DELETE FROM case_events WHERE idx = 20"],
    "an event and its entry are removed": [
        "DELETE FROM case_events WHERE idx = (SELECT max(idx) FROM case_events)",
        "DELETE FROM custody_entries WHERE idx = (SELECT max(idx) FROM custody_entries)",
    ],
    "an event becomes another case's": ["UPDATE case_events SET case_id = 'K-00000000' WHERE idx = 20"],
    "an event becomes another kind": ["UPDATE case_events SET kind = 'NoteAdded' WHERE idx = 20"],
    "an entry is exchanged": [
        "UPDATE custody_entries SET leaf = (SELECT leaf FROM custody_entries WHERE idx = 21) WHERE idx = 20"
    ],
    "an event is doubled": [
        "INSERT INTO case_events SELECT 100000, case_id, 100000, kind, sealed FROM case_events WHERE idx = 20"
    ],
    "an event is added that nobody logged": [
        "INSERT INTO case_events SELECT 100000, case_id, (SELECT max(seq) + 1 FROM case_events), kind, sealed "
        "FROM case_events WHERE idx = 20"
    ],
}


def verified(company: Company) -> int:
    """What `CaseFile.verify` does."""
    company.premises.store.log.verify()
    return company.premises.store.verify_events()


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_what_is_changed_beside_the_program_is_found_out(attack: str, company: Company) -> None:
    changed(company, *ATTACKS[attack])
    with pytest.raises(LeaktraceError):
        verified(company)


def test_a_shortened_log_passes_without_an_anchor_and_not_with_one(tmp_path: Path) -> None:
    """The attack: an older copy of the database, whole in itself, is put back."""
    company = empty_company(tmp_path, anchored=True)
    company.close()
    earlier = tmp_path / "earlier.db"
    shutil.copy(tmp_path / "cases" / "cases.db", earlier)
    company.open()
    company.enrol("ina", "investigator")
    company.close()
    for path in (tmp_path / "cases").glob("cases.db*"):
        path.unlink()
    shutil.copy(earlier, tmp_path / "cases" / "cases.db")
    without = CaseStore(tmp_path / "cases", KEYRING)
    assert without.verify_events() == 1
    without.close()
    with pytest.raises(CustodyError, match="cut off"):
        CaseStore(tmp_path / "cases", KEYRING, keeper_for(tmp_path))


def test_the_store_itself_refuses_to_delete_or_change_events(company: Company) -> None:
    company.close()
    with closing(sqlite3.connect(company.folder / "cases" / "cases.db")) as connection:
        for statement in ("DELETE FROM case_events", "UPDATE case_events SET kind = 'NoteAdded'"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
    company.open()


def test_a_newer_store_is_left_alone(company: Company) -> None:
    company.close()
    with closing(sqlite3.connect(company.folder / "cases" / "cases.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CaseError, match="newer"):
        company.open()


# --- exhibits -----------------------------------------------------------------------------------------------


def test_an_exhibit_is_there_before_its_event_and_is_checked_when_it_is_read(tmp_path: Path) -> None:
    exhibits = ExhibitStore(tmp_path / "exhibits", KEYRING)
    sha256 = exhibits.put(b"evidence")
    assert exhibits.put(b"evidence") == sha256
    assert exhibits.get(sha256) == b"evidence"
    path = tmp_path / "exhibits" / sha256[:2] / sha256
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(KeyFileError):
        exhibits.get(sha256)
    other = exhibits.put(b"other")
    path.write_bytes((tmp_path / "exhibits" / other[:2] / other).read_bytes())
    with pytest.raises(KeyFileError):
        exhibits.get(sha256)
    path.unlink()
    with pytest.raises(CaseError, match="cannot be read"):
        exhibits.get(sha256)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "/x"])
def test_a_name_of_an_exhibit_is_a_digest_and_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="SHA-256"):
        ExhibitStore(tmp_path / "exhibits", KEYRING).get(name)


def test_too_large_and_unwritable(tmp_path: Path) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return CEILING_BYTES + 1

    exhibits = ExhibitStore(tmp_path / "exhibits", KEYRING)
    with pytest.raises(CaseError, match="too large"):
        exhibits.put(Huge())
    (tmp_path / "exhibits").write_text("a file where the folder should be")
    with pytest.raises(CaseError, match="cannot be stored"):
        exhibits.put(b"x")


# --- killed -------------------------------------------------------------------------------------------------


def test_killed_at_any_moment_log_and_events_agree_and_nothing_finished_is_lost(tmp_path: Path) -> None:
    company = opened_company(tmp_path / "company", anchored=True)
    case = company.case
    company.close()
    chance, finished = random.Random(7), 0
    for _ in range(6):
        done = killed_after(company.folder, case, chance.uniform(0.0, 0.25))
        finished += len(done)
        check_whole(company.folder, case, done)
    assert finished > 3


def killed_after(folder: Path, case: str, seconds: float) -> list[tuple[int, str]]:
    """(number, digest) of what a process said it had finished before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cases.crashing_cases", str(folder), case],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        lines = [line.split() for line in process.stdout.read().splitlines() if line.count(" ") == 1]
    return [(int(number), sha256) for number, sha256 in lines if len(sha256) == 64]


def check_whole(folder: Path, case: str, done: list[tuple[int, str]]) -> None:
    """What holds after every kill."""
    store = CaseStore(folder / "cases", KEYRING, keeper_for(folder))
    exhibits = ExhibitStore(folder / "cases" / "exhibits", KEYRING)
    assert store.log.verify().head.size == store.verify_events()
    state = store.find(case)
    assert state is not None
    notes = {one.event.text for one in store.events(case) if isinstance(one.event, NoteAdded)}
    known = {one.sha256 for one in state.exhibits.values()}
    for number, sha256 in done:
        assert f"note {number}" in notes
        assert sha256 in known
    for sha256 in known:
        assert exhibits.get(sha256)
    subjects = [one.event for one in store.events(case) if isinstance(one.event, SubjectSet)]
    assert all(store.name_of(case, name) is not None for one in subjects for name in one.principals)
    assert not [one for one in store.events(case) if isinstance(one.event, CaseClosed)]
    store.close()


def test_the_first_person_is_enrolled_once(tmp_path: Path) -> None:
    company = empty_company(tmp_path)
    with pytest.raises(LeaktraceError, match="people already"):
        enrol_first(company.premises, "eve", PersonKey.fresh("eve").public_key)
    company.close()
