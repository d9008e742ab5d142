"""Signed notes and checkpoints: the specification's own example, and everything that must not pass."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.cases.custody.checkpoints import (
    checkpoint_text,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
    with_cosignature,
)
from leaktrace.cases.custody.logkeys import handover_note, log_keys
from leaktrace.cases.custody.notes import COSIGNATURE, NoteSigner, key_from_vkey, note_of, open_note
from leaktrace.errors import CustodyError
from tests.cases.custody_logs import KEYS, OTHER_KEYS, START, WORKSPACE, log_of

# The example of C2SP signed-note, section "Verifier keys".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
WITNESS = NoteSigner.from_seed("witness.example/w1", bytes(range(2, 34)), COSIGNATURE)
SECOND = NoteSigner.from_seed("witness.example/w2", bytes(range(3, 35)), COSIGNATURE)


def checkpoint() -> str:
    return sign_checkpoint(log_of(12).head(), KEYS.signer)


def test_the_example_of_the_specification_is_read() -> None:
    key = key_from_vkey(VKEY)
    assert key.vkey() == VKEY
    assert open_note(NOTE.encode(), [key]).text == "This is an example message.\n"


@pytest.mark.parametrize(
    "raw",
    [
        NOTE.replace("example message", "exemple message"),
        NOTE.replace("— example", "- example"),
        NOTE.replace("\n\n—", "\n—"),
        NOTE.rstrip("\n"),
        NOTE.replace("IneyaQM=", "IneyaQM"),
        NOTE.replace("Uw2QOkn8", "Uw2QOkn9"),
        NOTE.replace("foo Uw2Q", "bar Uw2Q"),
        NOTE.replace("message", "mess\tage"),
        NOTE + NOTE.splitlines(keepends=True)[-1] * 64,
        "\n" + "x" * 1_000_001,
        "",
        "\n\n",
    ],
)
def test_what_is_not_that_note_is_refused(raw: str) -> None:
    with pytest.raises(CustodyError):
        open_note(raw.encode(), [key_from_vkey(VKEY)])


def test_a_wrong_signature_by_a_known_key_spoils_a_note_that_another_known_key_signed() -> None:
    text = "hello\n"
    wrong = OTHER_KEYS.signer.sign("something else\n")
    raw = note_of(text, [KEYS.signer.sign(text), wrong]).encode()
    assert open_note(raw, KEYS.keys).text == text  # unknown keys are passed over
    with pytest.raises(CustodyError, match="does not hold"):
        open_note(raw, [*KEYS.keys, *OTHER_KEYS.keys])


def test_the_key_id_decides_nothing() -> None:
    """A note that carries the name and id of a known key, signed by another, is refused."""
    known, forger = KEYS.signer.key, OTHER_KEYS.signer
    claiming = NoteSigner(dataclasses.replace(known), forger._sign)
    raw = note_of("hello\n", [claiming.sign("hello\n")]).encode()
    assert f"— {known.name} ".encode() in raw
    with pytest.raises(CustodyError, match="does not hold"):
        open_note(raw, [known])


@pytest.mark.parametrize("vkey", ["", "a+b", VKEY.replace("530d903a", "530d903b"), VKEY[:-4], "x" * 2000, VKEY + "+"])
def test_what_is_no_verifier_key(vkey: str) -> None:
    with pytest.raises(CustodyError):
        key_from_vkey(vkey)


def test_a_checkpoint_has_three_lines_under_the_logs_own_name() -> None:
    note = checkpoint()
    head = log_of(12).head()
    assert note.startswith(f"leaktrace/{WORKSPACE}\n12\n")
    assert verify_checkpoint(note.encode(), KEYS.origin, KEYS.keys).head == head
    assert "secret" not in repr(KEYS.signer)
    assert bytes(range(32)).hex() not in repr(KEYS)


def test_another_logs_checkpoint_and_another_key_are_refused() -> None:
    other = log_keys([bytes(range(32))], "0" * 16)
    theirs = sign_checkpoint(log_of(12).head(), other.signer).encode()
    with pytest.raises(CustodyError):
        verify_checkpoint(theirs, KEYS.origin, KEYS.keys)
    with pytest.raises(CustodyError):
        verify_checkpoint(checkpoint().encode(), KEYS.origin, OTHER_KEYS.keys)
    # The same key over a text that names another log.
    text = checkpoint_text("leaktrace/other", log_of(12).head())
    with pytest.raises(CustodyError, match="another log"):
        verify_checkpoint(note_of(text, [KEYS.signer.sign(text)]).encode(), KEYS.origin, KEYS.keys)


@pytest.mark.parametrize(
    "text",
    [
        "o\n012\nAAAA\n",
        "o\n1\n\n",
        "o\n1\nAAAA\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
        "o\n0\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 42 + "B=\n",
        "o\n99999999999999999999\n" + "A" * 43 + "=\n",
        "",
    ],
)
def test_other_forms_of_a_checkpoint_are_refused(text: str) -> None:
    with pytest.raises(CustodyError):
        parse_checkpoint(text)


def test_a_cosignature_is_over_time_and_text_and_counts_once_a_witness() -> None:
    note = checkpoint()
    text = note.partition("\n\n")[0] + "\n"
    line = WITNESS.cosign(text, START)
    both = with_cosignature(with_cosignature(note, line), line)
    keys = [WITNESS.key, SECOND.key]
    seen = verify_checkpoint(both.encode(), KEYS.origin, KEYS.keys, keys, 1)
    assert [(one.witness, one.at) for one in seen.cosigned] == [("witness.example/w1", START)]
    again = with_cosignature(both, WITNESS.cosign(text, START.replace(hour=9)))
    with pytest.raises(CustodyError, match="1 known witnesses"):
        verify_checkpoint(again.encode(), KEYS.origin, KEYS.keys, keys, 2)
    two = with_cosignature(again, SECOND.cosign(text, START))
    assert len(verify_checkpoint(two.encode(), KEYS.origin, KEYS.keys, keys, 2).cosigned) == 2
    # Unknown witnesses count for nothing, and the log cannot be its own witness.
    assert not verify_checkpoint(two.encode(), KEYS.origin, KEYS.keys).cosigned
    own = NoteSigner.from_seed(KEYS.origin, bytes(range(32)), COSIGNATURE)
    alone = with_cosignature(note, own.cosign(text, START))
    with pytest.raises(CustodyError, match="0 known witnesses"):
        verify_checkpoint(alone.encode(), KEYS.origin, KEYS.keys, [own.key], 1)


def test_a_cosignature_under_another_text_or_alone_is_refused() -> None:
    note = checkpoint()
    other = sign_checkpoint(log_of(13).head(), KEYS.signer)
    line = WITNESS.cosign(other.partition("\n\n")[0] + "\n", START)
    with pytest.raises(CustodyError, match="does not hold"):
        verify_checkpoint(with_cosignature(note, line).encode(), KEYS.origin, KEYS.keys, [WITNESS.key])
    text = note.partition("\n\n")[0] + "\n"
    witnessed = note_of(text, [WITNESS.cosign(text, START)])
    with pytest.raises(CustodyError, match="not signed by the key of the log"):
        verify_checkpoint(witnessed.encode(), KEYS.origin, KEYS.keys, [WITNESS.key], 1)
    with pytest.raises(CustodyError):
        with_cosignature(note, "not a signature\n\nat all")
    with pytest.raises(CustodyError, match="no witness"):
        KEYS.signer.cosign(text, START)
    with pytest.raises(CustodyError, match="author"):
        WITNESS.sign(text)


def test_a_new_key_is_introduced_by_the_old_one() -> None:
    seeds = [bytes(range(32)), bytes(range(9, 41))]
    note = handover_note(seeds, WORKSPACE).encode()
    rotated = log_keys(seeds, WORKSPACE)
    assert rotated.keys[0] == KEYS.signer.key
    opened = open_note(note, KEYS.keys)  # known to somebody who only has the old key
    assert opened.text.splitlines()[1:] == [KEYS.signer.key.vkey(), rotated.signer.key.vkey()]
    assert len(open_note(note, rotated.keys).signatures) == 2


@given(st.binary(max_size=400))
def test_no_bytes_are_a_note_by_accident(raw: bytes) -> None:
    with pytest.raises(CustodyError):
        open_note(raw, KEYS.keys)


@given(st.integers(0, 400), st.integers(1, 255))
def test_every_changed_byte_of_a_checkpoint_is_refused_or_harmless(place: int, flip: int) -> None:
    raw = bytearray(checkpoint().encode())
    raw[place % len(raw)] ^= flip
    with pytest.raises(CustodyError):
        verify_checkpoint(bytes(raw), KEYS.origin, KEYS.keys)
