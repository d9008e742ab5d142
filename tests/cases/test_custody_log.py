"""The log in SQLite: one transaction with its caller, proofs of every size, and every kind of damage found."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.cases.custody import CustodyLog, LogKeeper, Pending, tree
from leaktrace.cases.custody.checkpoints import sign_checkpoint
from leaktrace.cases.custody.entries import read_leaf
from leaktrace.errors import CustodyError
from tests.cases.custody_logs import KEYS, OTHER_KEYS, START, connect, log_of, pending


def nodes_from(log: CustodyLog, size: int) -> list[bytes]:
    return tree.leaf_hashes(log.leaves(0, size))


def test_an_entry_is_hashed_in_its_one_spelling_and_read_back() -> None:
    log = log_of(3)
    (leaf,) = log.leaves(2, 3)
    assert leaf == (
        b'{"at":"2026-03-01T08:00:02Z","case":"case-2","commitment":"'
        + sha256(b"2").hexdigest().encode()
        + b'","index":2,"kind":"NoteAdded","schema":"leaktrace.custody/1"}'
    )
    (entry,) = log.entries(2, 3)
    assert (entry.index, entry.case, entry.leaf()) == (2, "case-2", leaf)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":2', b'"index": 2'),
        (b'"index":2', b'"index":2.0'),
        (b'"index":2', b'"index":true'),
        (b'"kind":', b'"kind":"x","kind":'),
        (b"Z", b"+00:00"),
        (b"Z", b""),
        (b"custody/1", b"custody/2"),
        (b"{", b"["),
    ],
)
def test_another_spelling_of_an_entry_is_refused(old: bytes, new: bytes) -> None:
    (leaf,) = log_of(3).leaves(2, 3)
    with pytest.raises(CustodyError):
        read_leaf(leaf.replace(old, new, 1))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 65536, 65537])
def test_root_and_proofs_at_the_edges_of_tiles(size: int) -> None:
    log = log_of(size, batch=997)
    hashes = nodes_from(log, size)
    assert log.head().root == tree.root_of(hashes).hex()
    assert log.verify().head == log.head()
    for index in {0, size // 2, size - 1, size & ~255} & set(range(size)):
        proof = log.inclusion(index, size)
        tree.verify_inclusion(hashes[index], index, size, proof, bytes.fromhex(log.head().root))
    for old in {0, 1, size // 2, size & ~255, size - 1, size} & set(range(size + 1)):
        before = tree.root_of(hashes[:old])
        assert log.head_at(old).root == before.hex()
        tree.verify_consistency(old, before, size, bytes.fromhex(log.head().root), log.consistency(old, size))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_batches_do_not_matter(batches: list[int]) -> None:
    connection = connect()
    log = CustodyLog.create(connection)
    for size in batches:
        first = log.head().size
        entries = log.append_many(pending(number) for number in range(first, first + size))
        assert [entry.index for entry in entries] == list(range(first, first + size))
    whole = log_of(sum(batches))
    assert log.head() == whole.head()
    assert log.verify() == whole.verify()


def test_an_entry_and_its_state_are_committed_together_or_not_at_all(tmp_path: Path) -> None:
    log = log_of(300, path=tmp_path / "x.db")
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other = CustodyLog(connection)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE state (x)")
    other.append(pending(300))
    connection.execute("ROLLBACK")
    assert log.head().size == 300
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchall()
    assert log.verify().head.size == 300
    connection.close()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE custody_entries SET leaf = replace(leaf, 'NoteAdded', 'CaseClosed') WHERE idx = 77", "hashes stored"),
        ("UPDATE custody_entries SET leaf = CAST(replace(leaf, 'N', 'M') AS BLOB) WHERE idx = 77", "hashes stored"),
        ("UPDATE custody_entries SET leaf = CAST(replace(leaf, 'N', 'M') AS BLOB) WHERE idx = 599", "root"),
        ("DELETE FROM custody_entries WHERE idx = 77", "missing"),
        ("DELETE FROM custody_entries WHERE idx = 599", "last one is number 598"),
        ("UPDATE custody_entries SET idx = 1000 WHERE idx = 599", "last one is number 1000"),
        ("UPDATE custody_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 1", "tile 1 of level 0"),
        ("DELETE FROM custody_tiles WHERE level = 1", "tile 0 of level 1"),
        ("DELETE FROM custody_tiles WHERE level = 0 AND idx = 0", "tile 0 of level 0"),
        ("INSERT INTO custody_tiles VALUES (5, 0, x'00')", "tiles"),
        ("UPDATE custody_edge SET peaks = zeroblob(length(peaks))", "root"),
        ("UPDATE custody_edge SET peaks = x'00'", "right edge"),
        ("DELETE FROM custody_edge", "right edge"),
    ],
)
def test_every_damage_is_found(damage: str, told: str) -> None:
    connection = connect()
    log = CustodyLog.create(connection)
    log.append_many(pending(number) for number in range(600))
    log.verify()
    for trigger in ("custody_no_update", "custody_no_delete"):
        connection.execute(f"DROP TRIGGER {trigger}")
    if "replace" in damage:
        damage = damage.replace("SET leaf = replace", "SET leaf = CAST(replace").replace(
            "'CaseClosed') W", "'CaseClosed') AS BLOB) W"
        )
    assert connection.execute(damage).rowcount
    with pytest.raises(CustodyError, match=told):
        log.verify()


def test_two_entries_that_changed_places_with_all_hashes_made_anew_do_not_pass() -> None:
    connection = connect()
    log = CustodyLog.create(connection)
    leaves = [log.append(pending(number)).leaf() for number in range(5)]
    leaves[1], leaves[3] = leaves[3], leaves[1]
    forged = connect()
    copy = CustodyLog.create(forged)
    forged.executemany("INSERT INTO custody_entries VALUES (?, ?)", enumerate(leaves))
    edge = tree.Frontier().extend(tree.leaf_hashes(leaves))
    forged.execute("UPDATE custody_edge SET size = 5, peaks = ?", (b"".join(edge.peaks),))
    with pytest.raises(CustodyError, match="does not say that it is entry 1"):
        copy.verify()


def test_our_own_slips_cannot_change_an_entry() -> None:
    connection = connect()
    CustodyLog.create(connection).append(pending(0))
    for slip in ("UPDATE custody_entries SET leaf = x'00'", "DELETE FROM custody_entries"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(slip)


def test_what_no_log_takes() -> None:
    log = log_of(1)
    with pytest.raises(CustodyError, match="time zone"):
        log.append(Pending("c", "K", START.replace(tzinfo=None), "0" * 64))
    with pytest.raises(CustodyError, match="commitment"):
        log.append(Pending("c", "K", START, "somebody@example.org"))
    with pytest.raises(CustodyError, match="too long"):
        log.append(Pending("c" * 70_000, "K", START, "0" * 64))
    assert log.head().size == 1
    with pytest.raises(CustodyError):
        log.inclusion(0, 2)
    with pytest.raises(CustodyError):
        log.head_at(2)
    with pytest.raises(CustodyError):
        log.consistency(0, 2)


# --- anchors -------------------------------------------------------------------------------------------------


def shortened(size: int) -> CustodyLog:
    """The log as its owner would have it after taking the last entries off and making all hashes anew."""
    return log_of(size)


def test_a_shortened_log_looks_whole_without_the_anchor_and_is_refused_with_it(tmp_path: Path) -> None:
    keeper = LogKeeper(KEYS, [tmp_path / "custody.anchor"])
    connection = connect()
    log = CustodyLog.create(connection)
    keeper.begin(log)
    log.append_many(pending(number) for number in range(400))
    keeper.moved(log)
    attacked = shortened(399)
    assert attacked.verify().head.size == 399  # the attack works on the database alone
    with pytest.raises(CustodyError, match="cut off"):
        keeper.check(attacked)
    forked = log_of(400, mark="other")
    assert forked.verify().head.size == 400
    with pytest.raises(CustodyError, match="not those that were seen"):
        keeper.check(forked)
    with pytest.raises(CustodyError, match="not those that were seen"):
        keeper.moved(log_of(500, mark="other"))
    longer = log_of(500)
    keeper.moved(longer)
    assert keeper.check(longer).head.size == 500


def test_an_emptied_database_beside_its_anchor_is_refused(tmp_path: Path) -> None:
    keeper = LogKeeper(KEYS, [tmp_path / "custody.anchor"])
    keeper.begin(log_of(0))
    keeper.moved(log_of(10))
    with pytest.raises(CustodyError, match="cut off"):
        keeper.begin(log_of(0))


def test_an_anchor_that_is_missing_forged_or_of_another_log_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "custody.anchor"
    keeper = LogKeeper(KEYS, [place])
    with pytest.raises(CustodyError, match="cannot be read"):
        keeper.begin(log_of(5))
    keeper.begin(log_of(0))
    honest = place.read_text()
    for forged in (
        sign_checkpoint(log_of(3).head(), OTHER_KEYS.signer),
        honest.replace("\n0\n", "\n1\n"),
        honest.replace("leaktrace/", "leaktraca/"),
        "",
        "x" * 2_000_000,
    ):
        place.write_text(forged)
        with pytest.raises(CustodyError):
            keeper.check(log_of(5))


def test_anchors_elsewhere_are_asked_too(tmp_path: Path) -> None:
    inside, outside = tmp_path / "ws" / "custody.anchor", tmp_path / "elsewhere" / "custody.anchor"
    keeper = LogKeeper(KEYS, [inside, outside])
    keeper.begin(log_of(0))
    early = inside.read_bytes()
    keeper.moved(log_of(20))
    assert inside.read_bytes() == outside.read_bytes()
    inside.write_bytes(early)  # whoever owns the workspace puts an older copy of all of it back
    LogKeeper(KEYS, [inside]).check(log_of(10))
    with pytest.raises(CustodyError, match="cut off"):
        keeper.check(log_of(10))


WRITER = """
import sqlite3, sys
from pathlib import Path
from leaktrace.cases.custody import CustodyLog, LogKeeper
from tests.cases.custody_logs import KEYS, connect, pending
folder = Path(sys.argv[1])
connection = connect(folder / "x.db")
connection.execute("BEGIN IMMEDIATE")
log = CustodyLog.create(connection)
connection.execute("CREATE TABLE IF NOT EXISTS state (idx INTEGER PRIMARY KEY)")
connection.execute("COMMIT")
keeper = LogKeeper(KEYS, [folder / "custody.anchor"])
keeper.begin(log)
print("ready", flush=True)
while True:
    connection.execute("BEGIN IMMEDIATE")
    first = log.head().size
    for entry in log.append_many(pending(number) for number in range(first, first + 1 + first % 90)):
        connection.execute("INSERT INTO state VALUES (?)", (entry.index,))
    connection.execute("COMMIT")
    keeper.moved(log)
"""


def test_a_kill_at_any_moment_leaves_log_state_and_anchor_in_agreement(tmp_path: Path) -> None:
    sizes = []
    for round_number in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        sleep(0.04 * round_number)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        connection = connect(tmp_path / "x.db")
        log = CustodyLog(connection)
        keeper = LogKeeper(KEYS, [tmp_path / "custody.anchor"])
        size = log.verify().head.size
        assert connection.execute("SELECT count(*), max(idx) FROM state").fetchone() == (
            size,
            size - 1 if size else None,
        )
        assert keeper.check(log).head.size <= size
        sizes.append(size)
        connection.close()
    assert sizes == sorted(sizes)
    assert sizes[-1] > 100


@given(st.binary(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_an_anchor_by_accident(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CustodyError):
        LogKeeper(KEYS, [tmp_path / "a"]).check(log_of(1))
