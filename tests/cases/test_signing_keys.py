"""People's keys and passwords: what lies on disk, what is refused, and a rotation that is killed in between."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leaktrace.cases.signing.keys import (
    PersonKey,
    begin_rotation,
    finish_rotation,
    key_id_of,
    load_person_key,
    make_person_key,
    needs_passphrase,
    person_key_path,
)
from leaktrace.cases.signing.passwords import Passwords, hash_of_nobody
from leaktrace.errors import KeyFileError, NotAllowedError, UsageError
from leaktrace.passphrases import Cost, seal, unseal

CHEAP = Cost(rounds=1, memory_kibibytes=64, lanes=1)
PHRASE = "four words nobody joins"


def test_a_key_lies_outside_the_workspace_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = person_key_path("5f2c", "ina", {"XDG_CONFIG_HOME": str(tmp_path)})
    assert path == tmp_path / "leaktrace" / "people" / "5f2c-ina.key"
    key = make_person_key(path, "ina", None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = load_person_key(path, "ina", None)
    assert again.public_key == key.public_key
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_key)).verify(again.sign(b"m"), b"m")
    assert key.key_id == key_id_of(key.public_key)
    assert path.read_text().split()[1] not in repr(key)
    with pytest.raises(KeyFileError, match="already"):
        make_person_key(path, "ina", None)


def test_under_a_passphrase_the_secret_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "k"
    key = make_person_key(path, "ina", PHRASE, CHEAP)
    assert path.read_text().startswith("leaktrace-sealed-1 t=1 m=64 p=1 ")
    assert load_person_key(path, "ina", PHRASE).public_key == key.public_key
    for phrase, name, told in (
        ("another passphrase", "ina", "does not open"),
        (None, "ina", "under a passphrase"),
        (PHRASE, "otto", "does not open"),  # the name is bound to the bytes
    ):
        with pytest.raises(KeyFileError, match=told):
            load_person_key(path, name, phrase)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_person_key(tmp_path / "k", "ina", None)
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(KeyFileError, match="Others may read"):
        load_person_key(tmp_path / "k", "ina", None)


@pytest.mark.parametrize("name", ["", "..", "../ina", "ina/otto", "Ina", "ina\n", "-ina", "i" * 65, "ína"])
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError):
        person_key_path("5f2c", name, {"XDG_CONFIG_HOME": str(tmp_path)})
    with pytest.raises(KeyFileError):
        make_person_key(tmp_path / "k", name, None)


@pytest.mark.parametrize("text", ["", "leaktrace-person-1 zz", "leaktrace-person-1 00", "leaktrace-sealed-1 x", "\xff"])
def test_what_is_no_key_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(KeyFileError):
        load_person_key(tmp_path / "k", "ina", PHRASE)
    with pytest.raises(KeyFileError, match="no key file"):
        load_person_key(tmp_path / "absent", "ina", None)


@pytest.mark.parametrize("killed_after", ["begin", "logged", "finish"])
def test_a_rotation_may_end_at_any_step(tmp_path: Path, killed_after: str) -> None:
    """Whichever key the log knows is found, also when the process ended between two steps."""
    path = tmp_path / "k"
    old = make_person_key(path, "ina", None)
    new = begin_rotation(path, "ina", None)
    enrolled = old.public_key
    if killed_after in {"logged", "finish"}:
        enrolled = new.public_key
    if killed_after == "finish":
        finish_rotation(path)
        finish_rotation(path)
    assert load_person_key(path, "ina", None, enrolled).public_key == enrolled
    if killed_after == "begin":
        assert begin_rotation(path, "ina", None).public_key not in {old.public_key, new.public_key}
    if killed_after == "finish":
        assert [entry.name for entry in tmp_path.iterdir()] == ["k"]
        with pytest.raises(KeyFileError, match="not the key"):
            load_person_key(path, "ina", None, old.public_key)


@pytest.mark.parametrize(("before", "after"), [(PHRASE, "another four words"), (None, PHRASE), (PHRASE, None)])
def test_the_new_key_of_a_rotation_may_have_another_passphrase(
    tmp_path: Path, before: str | None, after: str | None
) -> None:
    path = tmp_path / "k"
    old = make_person_key(path, "ina", before, CHEAP)
    new = begin_rotation(path, "ina", after, CHEAP)
    # Killed before the log knows the new key, and after.
    for enrolled, passphrase in ((old.public_key, before), (new.public_key, after)):
        assert needs_passphrase(path, "ina", enrolled) == (passphrase is not None)
        assert load_person_key(path, "ina", passphrase, enrolled).public_key == enrolled
    with pytest.raises(KeyFileError):
        load_person_key(path, "ina", "of neither of the two", PersonKey.fresh("ina").public_key)


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot be made"):
        make_person_key(tmp_path / "file" / "k", "ina", None)


# --- passphrases ---------------------------------------------------------------------------------------------


def test_a_sealed_line_opens_with_its_passphrase_and_context_only() -> None:
    line = seal(b"secret", PHRASE, "here", CHEAP)
    assert b"secret" not in line.encode()
    assert line != seal(b"secret", PHRASE, "here", CHEAP)
    assert unseal(line + "\n", PHRASE, "here") == b"secret"
    for wrong in (
        lambda: unseal(line, PHRASE + " ", "here"),
        lambda: unseal(line, PHRASE, "there"),
        lambda: unseal(line[:-5] + "AAAA=", PHRASE, "here"),
        lambda: unseal(line.replace("t=1", "t=2"), PHRASE, "here"),
        lambda: unseal(line.replace("m=64", "m=9999999"), PHRASE, "here"),
        lambda: unseal(line.replace("t=1", "t=99"), PHRASE, "here"),
        lambda: unseal(line.replace("m=64 p=1", "m=10 p=8"), PHRASE, "here"),
        lambda: unseal("", PHRASE, "here"),
        lambda: seal(b"x", "short", "here", CHEAP),
    ):
        with pytest.raises(KeyFileError):
            wrong()


# --- passwords -----------------------------------------------------------------------------------------------


def test_a_password_is_verified_and_its_hash_renewed_when_it_became_cheap() -> None:
    cheap, dear = Passwords(CHEAP), Passwords(Cost(rounds=2, memory_kibibytes=64, lanes=1))
    stored = cheap.hash(PHRASE)
    assert stored.startswith("$argon2id$")
    assert cheap.verify(stored, PHRASE) is None
    renewed = dear.verify(stored, PHRASE)
    assert renewed is not None
    assert "t=2" in renewed
    assert dear.verify(renewed, PHRASE) is None


def test_an_unknown_user_and_a_wrong_password_look_alike() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hash(PHRASE)
    told = set()
    for hashed, given in ((stored, "wrong"), (None, PHRASE), ("not a hash", PHRASE), (stored, PHRASE + "\x00" * 2000)):
        with pytest.raises(NotAllowedError) as refused:
            passwords.verify(hashed, given)
        told.add(str(refused.value))
    assert len(told) == 1


def test_the_work_for_an_unknown_user_is_one_verification_at_todays_cost() -> None:
    """What is verified against is put together, not hashed, and argon2 takes it for a hash of this cost."""
    cost = Cost(rounds=2, memory_kibibytes=64, lanes=1)
    unknown, known = extract_parameters(hash_of_nobody(cost)), extract_parameters(Passwords(cost).hash(PHRASE))
    assert unknown == known
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(hash_of_nobody(cost), PHRASE)


def test_nobody_takes_a_short_password_or_has_a_megabyte_hashed() -> None:
    for password in ("", "elevenchars", "x" * 2000):
        with pytest.raises(UsageError):
            Passwords(CHEAP).hash(password)


def test_a_fresh_key_is_only_in_memory(tmp_path: Path) -> None:
    before = os.listdir(tmp_path)  # noqa: PTH208 - names only
    assert PersonKey.fresh("ina").public_key != PersonKey.fresh("ina").public_key
    assert os.listdir(tmp_path) == before  # noqa: PTH208
