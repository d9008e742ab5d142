"""A secret that others may read is refused, whichever of the program's keys, passwords and tokens it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from leaktrace.cases.signing.keys import load_person_key, make_person_key
from leaktrace.cli.passphrase import passphrase_from
from leaktrace.errors import LeaktraceError
from leaktrace.keys import read_key_file, write_new_key_file
from leaktrace.mailroom.ways.asked import read_password
from leaktrace.response.contain.http import secret_from_file
from leaktrace.response.notices.dkimsigner import load_signer
from leaktrace.secretfiles import ReadByOthersError, read_secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620])
@pytest.mark.parametrize(
    "read",
    [
        read_key_file,
        lambda path: passphrase_from(path, new=False, what="a key"),
        lambda path: load_person_key(path, "ina", None),
        lambda path: read_password(path, {}),
        secret_from_file,
        lambda path: load_signer(path, "market.example", "s1"),
    ],
)
def test_what_others_may_read_is_refused_and_says_how_to_mend_it(
    read: Callable[[Path], object], mode: int, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("words", encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(LeaktraceError) as caught:
        read(path)
    assert f"chmod 600 {path}" in caught.value.hint
    assert "words" not in str(caught.value)


def test_a_key_of_its_owner_alone_is_read(tmp_path: Path) -> None:
    write_new_key_file(tmp_path / "workspace.key")
    made = make_person_key(tmp_path / "ina.key", "ina", None)
    assert read_key_file(tmp_path / "workspace.key").generation == 1
    assert load_person_key(tmp_path / "ina.key", "ina", None).public_key == made.public_key


def test_a_link_is_as_open_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("words", encoding="utf-8")
    (tmp_path / "secret").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ReadByOthersError):
        read_secret(tmp_path / "link")


def test_a_pipe_is_read_as_it_is() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"words")
    os.close(writing)
    assert read_secret(Path(f"/dev/fd/{reading}")) == b"words"
    os.close(reading)
