"""What leaves the workspace: proofs as files, the exported folder, a witness; each checked without the database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.cases.custody.proofs import parse_proof, prove, verify_proof
from leaktrace.cases.custody.tiledstore import TILE_HASHES
from leaktrace.cases.custody.tiles import export, tile_path, verify_folder, widths
from leaktrace.cases.custody.witness import Witness, parse_request, request_of, witness_signer
from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import CustodyError
from tests.cases.custody_logs import KEYS, OTHER_KEYS, START, checkpoint_of, log_of

# --- proofs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "index"), [(1, 0), (7, 3), (300, 255), (300, 299)])
def test_a_proof_stands_alone(size: int, index: int) -> None:
    log = log_of(size)
    text = prove(log, index, checkpoint_of(log)).to_text()
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra ")
    (leaf,) = log.leaves(index, index + 1)
    found = verify_proof(text.encode(), KEYS.origin, KEYS.keys)
    assert (found.index, found.leaf) == (index, leaf)
    assert verify_proof(text.encode(), KEYS.origin, KEYS.keys, leaf=leaf).checkpoint.head == log.head()


def test_a_proof_of_something_else_is_refused() -> None:
    log = log_of(300)
    text = prove(log, 17, checkpoint_of(log)).to_text()
    for changed in (
        text.replace("index 17", "index 18"),
        text.replace("index 17", "index 017"),
        text.replace("index 17", "index 999"),
        text.replace("\nindex", "\nextra AAAA\nindex"),
        text.replace("extra ", "extra A"),
        text.replace("@v1", "@v2"),
        text.replace("\n300\n", "\n299\n"),
        text.partition("\n\n")[0],
        "\n".join(text.split("\n")[:3] + text.split("\n")[4:]),
        "",
    ):
        with pytest.raises(CustodyError):
            verify_proof(changed.encode(), KEYS.origin, KEYS.keys)
    with pytest.raises(CustodyError, match="does not lead"):
        verify_proof(text.encode(), KEYS.origin, KEYS.keys, leaf=b"another entry")
    with pytest.raises(CustodyError):
        verify_proof(text.encode(), KEYS.origin, OTHER_KEYS.keys)
    with pytest.raises(CustodyError, match="known witnesses"):
        verify_proof(text.encode(), KEYS.origin, KEYS.keys, quorum=1)
    with pytest.raises(CustodyError, match="not of this log"):
        prove(log_of(300, mark="other"), 17, checkpoint_of(log))


@given(st.binary(max_size=300))
def test_no_bytes_are_a_proof_by_accident(raw: bytes) -> None:
    with pytest.raises(CustodyError):
        parse_proof(b"c2sp.org/tlog-proof@v1\n" + raw)


# --- tiles ---------------------------------------------------------------------------------------------------


def test_the_examples_of_the_specification() -> None:
    assert tile_path(3, 1234067) == "tile/3/x001/x234/067"
    assert tile_path("entries", 0, 7) == "tile/entries/000.p/7"
    sizes = {level: list(widths(70_000, level)) for level in range(4)}
    assert len(sizes[0]) == 274
    assert sizes[0][-1] == (273, 112)
    assert sizes[1] == [(0, 256), (1, 17)]
    assert sizes[2] == [(0, 1)]
    assert sizes[3] == []
    assert list(widths(256, 1)) == [(0, 1)]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700, 65_793])
def test_an_exported_folder_is_whole(tmp_path: Path, size: int) -> None:
    log = log_of(size)
    count = export(log, checkpoint_of(log), tmp_path / "log")
    found = verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys)
    assert found.checkpoint.head == log.head()
    names = {str(path.relative_to(tmp_path / "log")) for path in (tmp_path / "log").rglob("*") if path.is_file()}
    expected = {tile_path(level, *tile) for level in range(4) for tile in widths(size, level)}
    expected |= {tile_path("entries", *tile) for tile in widths(size, 0)} | {"checkpoint"}
    assert names == expected
    assert found.file_count == count == len(names)


@pytest.mark.parametrize(("size", "kept_size"), [(700, 0), (700, 1), (700, 256), (700, 300), (700, 700), (256, 255)])
def test_a_folder_is_compared_with_a_checkpoint_kept_elsewhere(tmp_path: Path, size: int, kept_size: int) -> None:
    log = log_of(size)
    export(log, checkpoint_of(log), tmp_path / "log")
    kept = checkpoint_of(log_of(kept_size)).note.encode()
    found = verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys, kept=kept)
    assert found.compared_size == kept_size


@pytest.mark.parametrize("kept_size", [1, 256, 300, 699])
def test_a_log_written_anew_with_its_own_key_is_whole_and_does_not_continue_what_was_kept(
    tmp_path: Path, kept_size: int
) -> None:
    log = log_of(700, mark="written anew")
    export(log, checkpoint_of(log), tmp_path / "log")
    verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys)  # nothing in the folder gives it away
    kept = checkpoint_of(log_of(kept_size)).note.encode()
    with pytest.raises(CustodyError, match=f"first {kept_size} entries"):
        verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys, kept=kept)


def test_a_log_that_was_cut_off_does_not_continue_what_was_kept(tmp_path: Path) -> None:
    log = log_of(300)
    export(log, checkpoint_of(log), tmp_path / "log")
    with pytest.raises(CustodyError, match="cut off"):
        verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys, kept=checkpoint_of(log_of(301)).note.encode())
    with pytest.raises(CustodyError):
        verify_folder(
            tmp_path / "log", KEYS.origin, KEYS.keys, kept=checkpoint_of(log_of(200), OTHER_KEYS).note.encode()
        )


def _longer(folder: Path) -> None:
    path = folder / tile_path("entries", 2, 188)
    path.write_bytes(path.read_bytes() + b"\x00")


def _swapped(folder: Path) -> None:
    first, second = (folder / tile_path("entries", number) for number in (0, 1))
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)


def _other_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").write_text(checkpoint_of(log_of(700, mark="other")).note)


def _shorter_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").write_text(checkpoint_of(log_of(699)).note)


def _foreign_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").write_text(checkpoint_of(log_of(700), OTHER_KEYS).note)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "checkpoint").unlink(),
        lambda folder: (folder / tile_path(0, 1)).unlink(),
        lambda folder: (folder / tile_path("entries", 1)).unlink(),
        lambda folder: (folder / tile_path(0, 1)).write_bytes(bytes(8192)),
        lambda folder: (folder / tile_path(1, 0, 2)).write_bytes(bytes(64)),
        lambda folder: (folder / "tile" / "extra").write_bytes(b"x"),
        lambda folder: (folder / tile_path("entries", 0)).write_bytes(b"\xff\xff" + b"x" * 100),
        lambda folder: (folder / tile_path("entries", 0)).write_bytes(b"\x00"),
        _longer,
        _swapped,
        _other_checkpoint,
        _shorter_checkpoint,
        _foreign_checkpoint,
    ],
)
def test_every_damage_to_a_folder_is_found(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    log = log_of(700)
    export(log, checkpoint_of(log), tmp_path / "log")
    verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys)
    damage(tmp_path / "log")
    with pytest.raises(CustodyError):
        verify_folder(tmp_path / "log", KEYS.origin, KEYS.keys)


@given(st.data())
@settings(max_examples=40)
def test_every_changed_byte_of_a_folder_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("log") / "log"
    log = log_of(TILE_HASHES + 3)
    export(log, checkpoint_of(log), folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    victim = data.draw(st.sampled_from(files))
    content = bytearray(victim.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    victim.write_bytes(bytes(content))
    with pytest.raises(CustodyError):
        verify_folder(folder, KEYS.origin, KEYS.keys)
    shutil.rmtree(folder)


def test_an_export_goes_into_an_empty_folder_only(tmp_path: Path) -> None:
    log = log_of(3)
    export(log, checkpoint_of(log), tmp_path / "log")
    with pytest.raises(CustodyError, match="not empty"):
        export(log, checkpoint_of(log), tmp_path / "log")
    with pytest.raises(CustodyError, match="not of this log"):
        export(log, checkpoint_of(log_of(3, mark="other")), tmp_path / "new")


# --- witness -------------------------------------------------------------------------------------------------

WITNESS = witness_signer(PersonKey.fresh("counsel.example"))


def witness(folder: Path) -> Witness:
    return Witness(WITNESS, {KEYS.origin: KEYS.keys}, folder)


def asked(size: int, old: int, mark: str = "") -> bytes:
    log = log_of(size, mark)
    return request_of(log, old, checkpoint_of(log)).to_text().encode()


def test_a_witness_cosigns_what_continues_what_it_saw(tmp_path: Path) -> None:
    first = witness(tmp_path).cosign(asked(10, 0), START)
    assert first.seen_before == 0
    second = witness(tmp_path).cosign(asked(300, 10), START)
    assert second.seen_before == 10
    again = witness(tmp_path).cosign(asked(300, 300), START)
    assert again.seen_before == 300


def test_a_witness_refuses_forks_shorter_logs_and_strangers(tmp_path: Path) -> None:
    witness(tmp_path).cosign(asked(300, 0), START)
    with pytest.raises(CustodyError, match="seen the log at 300"):
        witness(tmp_path).cosign(asked(400, 0), START)
    with pytest.raises(CustodyError, match="seen the log at 300"):
        witness(tmp_path).cosign(asked(299, 299), START)
    with pytest.raises(CustodyError, match="forked"):
        witness(tmp_path).cosign(asked(400, 300, mark="other"), START)
    with pytest.raises(CustodyError):
        witness(tmp_path).cosign(asked(300, 300, mark="other"), START)
    with pytest.raises(CustodyError, match="does not know"):
        Witness(WITNESS, {}, tmp_path).cosign(asked(400, 300), START)
    with pytest.raises(CustodyError):
        Witness(WITNESS, {KEYS.origin: OTHER_KEYS.keys}, tmp_path).cosign(asked(400, 300), START)
    assert witness(tmp_path).cosign(asked(400, 300), START).seen_before == 300


@pytest.mark.parametrize("raw", [b"", b"old 1", b"old 01\n\nx\n0\n", b"old 1\n!!\n\nx", b"old -1\n\nx", b"\xff\n\nx"])
def test_what_is_no_request(raw: bytes) -> None:
    with pytest.raises(CustodyError):
        parse_request(raw)
