"""`ingest --preview`: ten rows as they would be kept, ten rejects, counts; no workspace needed, none touched."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leaktrace
from leaktrace.ledger import preview as previewing
from tests.stories.desk import Desk
from tests.stories.unharmed import refused

ASSETS = Path(__file__).parents[1] / "assets"
HEADER = "at,principal,customer,fields,reason,colour\n"
ROW = "2025-01-01T00:00:00+01:00,u1,c1,name;email,T-5,red\n"


def bytes_of(folder: Path) -> dict[str, str]:
    """Every file of a folder with the digest of its bytes and the time of its last change."""
    return {
        str(path.relative_to(folder)): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def nowhere(tmp_path: Path) -> Desk:
    """Somebody who has no workspace and no key."""
    return Desk(tmp_path / "no-workspace", tmp_path / "no-config")


def test_a_preview_needs_no_workspace_and_makes_none(nowhere: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW, encoding="utf-8")
    before = bytes_of(tmp_path)
    told = nowhere.json("ingest", "accesses", log, "--preview")
    assert told["rows"] == [
        {
            "file": "log.csv",
            "row": 1,
            "values": {
                "at": "2024-12-31T23:00:00Z",
                "principal": "u1",
                "customer": "c1",
                "fields": "email;name",
                "action": None,
                "tool": None,
                "reason": "T-5",
            },
            "bulk": False,
        }
    ]
    assert told["notes"] == ["Columns that accesses does not have are ignored: colour."]
    assert bytes_of(tmp_path) == before
    assert not nowhere.workspace.exists()
    assert not nowhere.config.exists()


@pytest.mark.parametrize("table", ["accesses", "customers", "contacts", "principals", "sellers"])
def test_the_bytes_of_a_workspace_stay_as_they_are(desk: Desk, tiny_market: Path, table: str) -> None:
    names = {"principals": "principals.csv", "sellers": "sellers.csv", "accesses": "accesses"}
    before = bytes_of(desk.workspace)
    told = desk.json("ingest", table, tiny_market / names.get(table, f"{table}.parquet"), "--preview")
    assert bytes_of(desk.workspace) == before
    assert told["rejected_count"] == 0
    assert 0 < len(told["rows"]) <= 10
    assert all(row["values"] for row in told["rows"])


def test_ten_rows_and_ten_rejects_are_shown_and_all_are_counted(nowhere: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + (ROW + ROW.replace("+01:00", "")) * 15, encoding="utf-8")
    answer = nowhere.run("ingest", "accesses", log, "--preview", "--json")
    assert answer.code == 3
    told = answer.document()
    assert (told["accepted_count"], told["rejected_count"], told["is_whole"]) == (15, 15, True)
    assert [row["row"] for row in told["rows"]] == list(range(1, 20, 2))
    assert [row["row"] for row in told["rejected"]] == list(range(2, 21, 2))
    assert {row["reason"] for row in told["rejected"]} == {"at has no UTC offset"}


def test_only_a_part_of_a_long_log_is_read(nowhere: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previewing, "PART_COUNT", 100)
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW * 250, encoding="utf-8")
    told = nowhere.json("ingest", "accesses", log, "--preview")
    assert (told["accepted_count"], told["is_whole"]) == (100, False)
    log.write_text(HEADER + ROW * 100, encoding="utf-8")
    told = nowhere.json("ingest", "accesses", log, "--preview")
    assert (told["accepted_count"], told["is_whole"]) == (100, True)


@pytest.mark.parametrize("pattern", ["aaap", "appp", "abpr", "p", "r", "ar", "ab", "aaapppppppppr"])
@pytest.mark.parametrize("ceiling", [1, 99, 100, 399, 400, 401])
def test_of_a_log_of_which_a_part_is_read_exactly_that_part_is_counted(
    nowhere: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, ceiling: int
) -> None:
    """a: an access, b: a bulk read, r: a row that is rejected, p: a record that is no access and is passed over."""
    monkeypatch.setattr(previewing, "PART_COUNT", ceiling)
    lines = {
        "a": "02.03.2026 09:00:00;CORP\\lin;Kunde geöffnet;C-1;Mailadresse;T-1",
        "b": "02.03.2026 09:00:00;CORP\\lin;Liste exportiert;;Mailadresse;T-1",
        "r": "yesterday;CORP\\lin;Kunde geöffnet;C-1;Mailadresse;T-1",
        "p": "02.03.2026 09:00:00;CORP\\lin;Angemeldet;;;",
    }
    kinds = (pattern * 400)[:400]
    log = tmp_path / "helpdesk.csv"
    head = "Zeit;Agent;Aktion;Kunde;Angezeigt;Vorgang"
    log.write_text("\n".join([head, *(lines[kind] for kind in kinds)]), encoding="utf-8")
    mapping = ASSETS / "mapping" / "helpdesk.toml"
    told = nowhere.run(
        "ingest", "accesses", log, "--format", "mapped", "--option", f"mapping={mapping}", "--preview", "--json"
    ).document()
    read = kinds[:ceiling]
    assert {
        "a": told["accepted_count"] - told["bulk_count"],
        "b": told["bulk_count"],
        "r": told["rejected_count"],
        "p": told["passed_over_count"],
    } == {kind: read.count(kind) for kind in lines}
    assert told["is_whole"] == (ceiling >= 400)


@pytest.mark.parametrize("ceiling", [1, 99, 100, 400, 401])
def test_rejected_rows_are_rows_of_the_part_that_is_read(
    nowhere: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ceiling: int
) -> None:
    monkeypatch.setattr(previewing, "PART_COUNT", ceiling)
    log = tmp_path / "log.csv"
    log.write_text(HEADER + (ROW + '"x\n",too,short\n') * 200, encoding="utf-8")
    told = nowhere.run("ingest", "accesses", log, "--preview", "--json").document()
    assert told["accepted_count"] + told["rejected_count"] == min(ceiling, 400)
    assert told["rejected_count"] == min(ceiling, 400) // 2
    assert told["is_whole"] == (ceiling >= 400)


def test_several_files_are_named(nowhere: Desk, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + ROW, encoding="utf-8")
    told = nowhere.json("ingest", "accesses", tmp_path / "a.csv", tmp_path / "b.csv", "--preview")
    assert [(row["file"], row["row"]) for row in told["rows"]] == [("a.csv", 1), ("b.csv", 1)]
    screen = nowhere.run("ingest", "accesses", tmp_path / "a.csv", tmp_path / "b.csv", "--preview").out
    assert "b.csv" in screen
    assert "Nothing was written." in screen


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_every_form_of_a_table_can_be_previewed(nowhere: Desk, tmp_path: Path, kind: str, packing: str) -> None:
    path = tmp_path / f"log.{kind}"
    if kind == "csv":
        path.write_text("customer,email,region\nc1,mia@example.org,North\n,x@example.org,\n", encoding="utf-8")
    elif kind == "ndjson":
        path.write_text('{"customer": "c1", "email": "mia@example.org", "region": "North"}\nno\n', encoding="utf-8")
    else:
        columns = {"customer": ["c1", None], "email": ["mia@example.org", None], "region": ["North", None]}
        pq.write_table(pa.table(columns), path)
    if packing:
        path.with_name(path.name + packing).write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_name(path.name + packing)
    answer = nowhere.run("ingest", "customers", path, "--preview", "--json")
    told = answer.document()
    assert (answer.code, told["accepted_count"], told["rejected_count"]) == (3, 1, 1)
    values = told["rows"][0]["values"]
    assert (values["customer"], values["region"]) == ("c1", "North")
    assert values["email"].startswith("address:")
    assert "mia@example.org" not in answer.out + answer.err


def test_addresses_are_shown_as_tokens_wherever_they_stand(nowhere: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "at,principal,customer,fields,tool,reason\n"
        "2025-01-01T00:00:00Z,u1,mia@example.org,email,crm of mia@example.org,for mia@example.org\n",
        encoding="utf-8",
    )
    for more in ((), ("--json",)):
        answer = nowhere.run("ingest", "accesses", log, "--preview", *more)
        assert answer.code == 0
        assert "mia@example.org" not in answer.out + answer.err
        assert "address:" in answer.out


def test_a_database_log_and_evidence_can_be_previewed(nowhere: Desk, tmp_path: Path) -> None:
    told = nowhere.json("ingest", "accesses", ASSETS / "pgaudit" / "postgresql.csv", "--format", "pgaudit", "--preview")
    assert told["accepted_count"] == 51
    assert told["bulk_count"] == 9
    evidence = tmp_path / "evidence.csv"
    evidence.write_text(
        "customer,kind,received_at\nc1,report,2025-06-01T00:00:00Z\nc2,rumour,\nc3,decoy,\n", encoding="utf-8"
    )
    answer = nowhere.run("ingest", "evidence", evidence, "--preview", "--json")
    assert answer.code == 3
    told = answer.document()
    assert [(row["row"], row["values"]["customer"]) for row in told["rows"]] == [(1, "c1"), (3, "c3")]
    assert [row["row"] for row in told["rejected"]] == [2]
    lines = tmp_path / "evidence.ndjson"
    decoy = '{"customer": "%s", "kind": "decoy"}\n'
    lines.write_text(decoy % "c1" + "\n" + decoy % "c3" + '{"customer": "c4", "kind": "rumour"}\n', encoding="utf-8")
    told = nowhere.run("ingest", "evidence", lines, "--preview", "--json").document()
    assert [(row["row"], row["values"]["customer"]) for row in told["rows"]] == [(1, "c1"), (3, "c3")]
    assert [row["row"] for row in told["rejected"]] == [4]


def test_what_cannot_be_previewed_is_said_in_a_sentence(nowhere: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("at\n", encoding="utf-8")
    for arguments, words in (
        (("acesses", log), ("There is no table 'acesses'",)),
        (("accesses", log), (str(log), "needs the columns")),
        (("accesses", tmp_path / "nowhere.csv"), ("nowhere.csv", "there is no such file")),
        (("customers", log, "--format", "ecs"), (str(log), "holds accesses, not customers")),
        (("accesses", log, "--format", "excel"), ("there is no format 'excel'",)),
        (("accesses", log, "--option", "a=b"), ("the format csv has no options",)),
    ):
        refused(nowhere.run("ingest", *arguments, "--preview", "--json"), *words)


def test_python_has_it_too(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW, encoding="utf-8")
    seen = leaktrace.preview("accesses", log)
    assert isinstance(seen, leaktrace.IngestPreview)
    assert seen.rows[0].values["customer"] == "c1"
    assert seen.accepted_count == 1
