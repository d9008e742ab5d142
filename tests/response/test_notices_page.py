"""What docs/notices.md says is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from leaktrace.errors import ResponseError
from leaktrace.response.notices.config import config_of
from leaktrace.response.notices.journal import Answer, Journal
from leaktrace.response.notices.laws import laws
from leaktrace.response.notices.outbox import Outbox
from leaktrace.response.notices.states import RETRY_AFTER, STATES
from leaktrace.response.notices.templates import PLACEHOLDERS
from tests.response.fakes_notices import NOW

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")


def test_the_configuration_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "relay-password").touch(mode=0o600)
    (tmp_path / "relay-password").write_text("x", "utf-8")
    config = config_of(tomllib.loads(shown), tmp_path)
    assert config.relay.tls == "required"
    assert (config.canary_count, config.limits.rate_per_second) == (25, 50.0)


def test_placeholders_laws_and_states_are_all_told() -> None:
    assert set(re.findall(r"`\{(\w+)\}`", PAGE)) == PLACEHOLDERS
    assert all(f"`{law}`" in PAGE for law in laws())
    table = PAGE.split("## States")[1].split("\n## ")[0]
    assert {name for row in re.findall(r"^\| ([\w, ]+) \|", table, re.MULTILINE) for name in row.split(", ")} == {
        "state",
        *STATES,
    }
    assert [one.total_seconds() / 60 for one in RETRY_AFTER] == [5, 15, 60, 240]
    assert "5 and 15 minutes, 1 and 4 hours" in PAGE


def test_a_full_disk_stops_before_the_mail() -> None:
    journal = Journal(Path("/dev/full"), fsync_each=False)
    with pytest.raises(ResponseError, match="No space left"):
        journal.write(1, Answer("attempt"), NOW)
    journal.close()


def test_an_outbox_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"something else" * 100)
    with pytest.raises(ResponseError, match="outbox"):
        Outbox(tmp_path)
