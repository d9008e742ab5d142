"""Names that are nearly right, and secrets that are for something else: told, never guessed."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leaktrace.cli.passphrase import NEW_VARIABLE, VARIABLE, passphrase_from
from leaktrace.cli.variables import VARIABLES, misspelt
from leaktrace.errors import UsageError, meant
from leaktrace.response.contain import read_config as contain_config
from leaktrace.response.notices import read_config as notices_config
from leaktrace.settings import from_document
from tests.stories.conftest import Library
from tests.stories.desk import Desk

SOURCE = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize(
    "arguments", [("trace", "\udcff"), ("campaigns", "show", "\udcff"), ("ledger", "hold", "\udcff", "c1")]
)
def test_a_word_that_is_no_text_is_told(empty_desk: Desk, arguments: tuple[str, ...]) -> None:
    """What a shell passes on where its terminal writes another encoding than UTF-8."""
    assert "no UTF-8 text" in empty_desk.run(*arguments, "--json").error()["message"]


# --- fields -------------------------------------------------------------------------------------------------


def test_a_field_that_was_never_shown_is_told_with_those_that_were(stories: Library) -> None:
    told = stories("one")
    right = told.desk.run("trace", told.campaign, "--json")
    assert (right.code, right.err) == (0, "")
    for words in ((told.campaign,), ("--all",)):
        answer = told.desk.run("trace", *words, "--field", "emial", "--json")
        assert answer.code == 3
        assert "ever showed 'emial'. Fields that were shown: 'email', " in answer.err
        assert answer.document()  # the finding is there all the same, and says what the log lacks
    assert told.desk.run("trace", told.campaign, "--field", "emial\x1b[31m").err.count("\x1b") == 0


def test_a_seller_whom_no_contact_has_is_told(stories: Library, tmp_path: Path) -> None:
    """Under another id, or without its contacts, all of its own customers would look like somebody's leak."""
    told = stories("one")
    right, at = told.truth["seller"], told.finding["evidence"]["window"]["start"]
    customers = pq.read_table(told.market / "customers.parquet").column("customer").to_pylist()[:30]
    for seller, known in ((right, True), (right.upper() + "-X", False)):
        evidence = tmp_path / f"{seller}.csv"
        rows = [f"{customer},report,{at},{seller}\n" for customer in customers]
        evidence.write_text("customer,kind,received_at,seller\n" + "".join(rows), encoding="utf-8")
        page = tmp_path / f"{seller}.html"
        for shown in (
            told.desk.run("trace", "--evidence", evidence).out,
            (told.desk.run("trace", "--evidence", evidence, "--html", page, "--json"), page.read_text("utf-8"))[1],
        ):
            assert ("is known to have dealt with the seller: check" in " ".join(shown.split())) is not known


def test_evidence_without_a_mail_has_no_time_and_says_nothing(stories: Library, tmp_path: Path) -> None:
    """Decoys that stayed silent, or customers whom nobody knows: no day of 1970, and no sign of nobody inside."""
    told = stories("one")
    customer = pq.read_table(told.market / "customers.parquet").column("customer").to_pylist()[0]
    for row in (f"{customer},decoy,,", "nobody-here,report,2026-05-01T00:00:00Z,"):
        evidence = tmp_path / "silent.csv"
        evidence.write_text(f"customer,kind,received_at,seller\n{row}{told.truth['seller']}\n", encoding="utf-8")
        finding = told.desk.json("trace", "--evidence", evidence)
        assert finding["evidence"]["window"] == {"start": None, "end": None}
        assert finding["no_insider_probability"] == pytest.approx(0.5, abs=0.01)
        shown = " ".join(told.desk.run("trace", "--evidence", evidence).out.split())
        assert "not known to not known" in shown
        assert "is known to have dealt with the seller" not in shown


# --- settings, keys and variables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("naming_treshold", "naming_threshold_probability"),
        ("naming_threshold", "naming_threshold_probability"),
        ("own_domain", "own_domains"),
        ("colour", None),
    ],
)
def test_an_unknown_setting_gets_the_closest_name(name: str, likely: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        from_document({name: 1})
    assert caught.value.hint == (f"Did you mean '{likely}'? " if likely else "") + "docs/settings.md lists them all."


def test_unknown_keys_of_the_files_of_systems_and_notices_do_too(tmp_path: Path) -> None:
    (tmp_path / "contain.toml").write_text(
        'schema = "leaktrace.contain/1"\nconfirm_within_second = 5\n', encoding="utf-8"
    )
    with pytest.raises(Exception, match="Did you mean 'confirm_within_seconds'"):
        contain_config(tmp_path / "contain.toml", lambda: None)  # type: ignore[arg-type,return-value]
    (tmp_path / "notices.toml").write_text('[form]\nname = "x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="Did you mean 'from'"):
        notices_config(tmp_path / "notices.toml")
    (tmp_path / "notices.toml").write_text('[from]\nadress = "x@example.com"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="Did you mean 'address'"):
        notices_config(tmp_path / "notices.toml")
    assert not meant("zebra", ("address", "name"))


def test_a_misspelt_variable_is_told_and_others_are_nobodys_business() -> None:
    env = {"LEAKTRACE_WORKSPCE": "/x", "LEAKTRACE_CORPORA": "/y", "LEAKTRACE_WORKSPACE": "/z", "HOME": "/h"}
    assert list(misspelt(env)) == [("LEAKTRACE_WORKSPCE", "LEAKTRACE_WORKSPACE")]
    done = subprocess.run(
        [sys.executable, "-m", "leaktrace", "campaigns"],
        env={**os.environ, **env, "LEAKTRACE_WORKSPACE": "/nowhere"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Did you mean LEAKTRACE_WORKSPACE?" in done.stderr
    assert done.returncode == 2


def test_every_variable_that_is_read_is_known() -> None:
    read = {
        name for path in SOURCE.rglob("*.py") for name in re.findall(r'"(LEAKTRACE_[A-Z_]+)"', path.read_text("utf-8"))
    }
    assert read == set(VARIABLES)


# --- passphrases --------------------------------------------------------------------------------------------


def test_ones_own_passphrase_does_not_become_a_colleagues(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv(VARIABLE, "root's own four words")
    monkeypatch.delenv(NEW_VARIABLE, raising=False)
    assert passphrase_from(None, new=False, what="the key of root") == "root's own four words"
    with pytest.raises(UsageError) as caught:
        passphrase_from(None, new=True, what="the new key of ina")
    assert NEW_VARIABLE in caught.value.hint
    assert f"{VARIABLE} opens what there is" in caught.value.hint
    monkeypatch.setenv(NEW_VARIABLE, "ina's four words")
    assert passphrase_from(None, new=True, what="the new key of ina") == "ina's four words"
    assert passphrase_from(None, new=False, what="the key of root") == "root's own four words"
    (tmp_path / "phrase").write_text("from a file\n", encoding="utf-8")
    (tmp_path / "phrase").chmod(0o600)
    assert passphrase_from(tmp_path / "phrase", new=True, what="x") == "from a file"


# --- tables, columns, campaigns -------------------------------------------------------------------------------


def test_a_table_and_a_campaign_that_are_nearly_right_get_the_closest_name(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("principal\nu1\n", encoding="utf-8")
    for command in (("ingest", "principal", file), ("ingest", "principal", file, "--preview")):
        assert desk.run(*command, "--json").error()["hint"].startswith("Did you mean 'principals'? Tables are: ")
    campaign = desk.main_campaign()
    for words in (("trace", campaign[:7]), ("campaigns", "show", campaign[:7]), ("link", campaign, campaign[:7])):
        assert desk.run(*words, "--json").error()["hint"].startswith(f"Did you mean '{campaign}'? "), words


def test_a_column_in_other_capitals_is_told_as_that(empty_desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("\ufeffCustomer ,EMAIL\nc1,a@b.example\n", encoding="utf-8")
    told = empty_desk.run("ingest", "customers", file, "--json").error()
    assert told["hint"].endswith(" Names of columns are in small letters, without blanks: write 'customer'.")
    file.write_text("customer,Email\nc1,a@b.example\n", encoding="utf-8")
    (note,) = empty_desk.json("ingest", "customers", file)["notes"]
    assert note.endswith("were ignored: Email. Names of columns are in small letters, without blanks: write 'email'.")
