"""What other programs rely on: keys of every JSON document, exit codes, one document on stdout, the Python API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import leaktrace
from leaktrace.workspace import open_workspace
from tests.stories.conftest import TINY, Library
from tests.stories.desk import PROGRAM, TABLES, Answer, Desk

INGEST = {"table", "accepted_count", "rejected_count", "already_ingested_count", "rejects_file"}
MAIL = {"message_count", "report_count", "duplicate_count", "unmatched_count", "by_kind"}
CAMPAIGN = {"campaign", "seller", "seller_probability", "report_count", "customer_count", "first_mail_at"}
STATS = {
    "access_count",
    "customer_count",
    "principal_count",
    "segment_count",
    "rejected_count",
    "lake_bytes",
    "index_bytes",
}
TRUTH = {
    "scenario",
    "seed",
    "sources",
    "tied",
    "handlers",
    "seller",
    "mail_at",
    "leaked_customers",
    "mailed_customers",
    "reporting_customers",
}
FINDING = {
    "schema",
    "outcome",
    "named",
    "naming_threshold",
    "no_insider_probability",
    "candidates",
    "sets",
    "undecided",
    "evidence",
    "log_coverage",
    "exposure",
    "matched_on",
    "provenance",
    "prior",
    "error_budget",
}
CANDIDATE = {"principal", "probability", "opened_count", "expected_opened_count", "weight_bits"}
EVIDENCE = {"report_count", "customer_count", "listed_count", "decoy_hit_count", "silent_decoy_count", "window"}
PROVENANCE = {"version", "settings_digest", "campaign", "field", "ledger_snapshot", "evidence_digest"}
MESSAGE = {"file", "sha256", "kind", "reason", "status", "reporter", "originals", "authentication", "schema"}
ORIGINAL = {
    "form",
    "grade",
    "grade_reason",
    "sender",
    "on_behalf_of",
    "recipients",
    "subject",
    "sent_between",
    "received_at",
    "message_id",
    "links",
    "spans",
    "claims",
    "flags",
}
# What we tell beyond the promise. A key that is to go from here, or to come, is a change that users see.
MORE = {
    "ingest": {"notes", "seconds", "rows_per_second", "batch_count", "committed_line_count"},
    "mail": {"rejected_count", "rejects_file", "notes", "resent_count"},
    "campaigns": {
        "seller_reason",
        "seller_terms",
        "impersonated_seller",
        "impersonation_reason",
        "reporter_count",
    },
    "message": {"reported_at", "size_bytes", "arrival"},
    "original": {
        "authentication",
        "reply_to",
        "text_sketch",
        "word_sketch",
        "look_sketch",
        "marks",
        "sent_by",
        "feedback",
    },
    "finding": {"source_count_probability", "why", "alternatives"},
    "set": {"needs_about_more_reports", "separated_by"},
    "exposure": {"customers_likely", "customers_possible"},
    "provenance": {"settings"},
}


def _reads_the_same(record: Any, document: Any) -> None:
    """What JSON says is what the Python object has as attributes, same names, nothing more and nothing less."""
    if isinstance(document, dict):
        names = set(record) if isinstance(record, dict) else {f for f in record.__slots__ if not f.startswith("_")}
        assert names == set(document)
        for name, value in document.items():
            _reads_the_same(record[name] if isinstance(record, dict) else getattr(record, name), value)
    elif isinstance(document, list):
        assert len(record) == len(document)
        for one, value in zip(record, document, strict=True):
            _reads_the_same(one, value)
    elif isinstance(record, datetime):
        assert record == datetime.fromisoformat(document)
    else:
        assert record == document


def _of_all(documents: Iterable[dict[str, Any]]) -> set[str]:
    """The keys that every one of these documents has; they all have the same."""
    keys = {frozenset(document) for document in documents}
    assert len(keys) == 1, keys
    return set(keys.pop())


# --- keys -------------------------------------------------------------------------------------------------


def test_init_names_workspace_and_key_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ws", tmp_path / "config")
    made = desk.json("init")
    assert set(made) == {"workspace", "key_file"}
    assert Path(made["workspace"]) == desk.workspace
    assert Path(made["key_file"]).is_relative_to(tmp_path / "config")
    assert Path(made["key_file"]).is_file()


def test_simulate_prints_what_it_wrote_to_truth_json(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ws", tmp_path / "config")
    truth = desk.json("simulate", tmp_path / "market", "--scenario", "twins", "--seed", 3, *TINY)
    assert set(truth) == TRUTH
    assert truth == json.loads((tmp_path / "market" / "truth.json").read_text(encoding="utf-8"))
    written = {path.relative_to(tmp_path / "market").parts[0] for path in (tmp_path / "market").rglob("*")}
    assert written == {*TABLES.values(), "abuse.mbox", "truth.json"}


@pytest.mark.parametrize("table", TABLES)
def test_ingest_counts_rows(empty_desk: Desk, tiny_market: Path, table: str) -> None:
    report = empty_desk.json("ingest", table, tiny_market / TABLES[table])
    assert set(report) == INGEST | MORE["ingest"]
    assert report["table"] == table
    assert report["accepted_count"] > 0
    assert report["rejected_count"] == 0
    assert report["rejects_file"] is None


def test_mail_counts_messages(empty_desk: Desk, tiny_market: Path) -> None:
    report = empty_desk.json("mail", tiny_market / "abuse.mbox")
    assert set(report) == MAIL | MORE["mail"]
    assert sum(report["by_kind"].values()) + report["duplicate_count"] == report["message_count"]
    assert report["unmatched_count"] == report["report_count"] > 0


def test_campaigns_come_with_most_reports_first(stories: Library) -> None:
    listed = stories("one").desk.json("campaigns")
    assert _of_all(listed) == CAMPAIGN | MORE["campaigns"]
    counts = [one["report_count"] for one in listed]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) > 1


def test_ledger_stats_count_what_was_ingested(stories: Library) -> None:
    stats = stories("one").desk.json("ledger", "stats")
    assert set(stats) == STATS | {"row_counts"}
    assert stats["row_counts"]["accesses"] == stats["access_count"]
    assert {"contacts", "principals", "sellers", "customers"} <= set(stats["row_counts"])
    assert all(count > 0 for count in stats["row_counts"].values())
    assert stats["access_count"] == 90_000
    assert stats["rejected_count"] == 0
    assert stats["lake_bytes"] > 0


@pytest.mark.parametrize("scenario", ["one", "nobody", "twins"])
def test_a_finding_has_the_promised_keys(stories: Library, scenario: str) -> None:
    finding = stories(scenario).finding
    assert set(finding) == FINDING | MORE["finding"]
    assert finding["schema"] == "leaktrace.finding/1"
    assert finding["naming_threshold"] == 0.99
    assert _of_all(finding["candidates"]) == CANDIDATE
    assert len(finding["candidates"]) <= 50
    chances = [one["probability"] for one in finding["candidates"]]
    assert chances == sorted(chances, reverse=True)
    assert set(finding["evidence"]) == EVIDENCE
    assert set(finding["evidence"]["window"]) == {"start", "end"}
    assert set(finding["provenance"]) == PROVENANCE | MORE["provenance"]
    if finding["sets"]:
        assert _of_all(finding["sets"]) == {"principals", "probability"} | MORE["set"]
        promised = {"customers_opened", "customers_confirmed", "mailed_estimate", "fields"}
        assert set(finding["exposure"]) == promised | MORE["exposure"]
        assert set(finding["exposure"]["mailed_estimate"]) == {"low", "mid", "high"}
        # Fields are of the customers that are counted, and of nobody else.
        assert finding["exposure"]["fields"]["email"] == finding["exposure"]["customers_opened"]
        assert max(finding["exposure"]["fields"].values()) <= finding["exposure"]["customers_opened"]
    else:
        assert finding["exposure"] is None
    if finding["outcome"] == "undecided":
        assert set(finding["undecided"]) == {"code", "sentence", "needs_about_more_reports"}
    else:
        assert finding["undecided"] is None


def test_inspect_gives_one_item_for_each_message(stories: Library) -> None:
    told = stories("one")
    mailbox = told.market / "abuse.mbox"
    messages = told.desk.json("mail", "--inspect", mailbox)
    assert _of_all(messages) == MESSAGE | MORE["message"]
    assert {one["file"] for one in messages} == {str(mailbox)}
    assert {one["schema"] for one in messages} == {"leaktrace.mail/1"}
    originals = [original for one in messages for original in one["originals"]]
    assert _of_all(originals) == ORIGINAL | MORE["original"]
    assert {len(span) for one in originals for span in one["spans"].values()} == {2}
    assert all(one["reason"] for one in messages if one["kind"] != "report")
    assert {"report", "complaint", "bounce"} <= {one["kind"] for one in messages}
    raw = mailbox.read_bytes()
    for key, names in (("authentication", {"dkim", "arc_cv", "body_hash_matches"}), ("reporter", {"address", "name"})):
        assert _of_all(one[key] for one in messages) == names
    assert _of_all(to for one in originals for to in one["recipients"]) == {"address", "name", "role"}
    alone = leaktrace.read_mail(raw[raw.index(b"\n") + 1 : raw.index(b"\n\nFrom ") + 1])
    assert alone.file is None
    assert alone.sha256 == messages[0]["sha256"]


# --- Python -----------------------------------------------------------------------------------------------


def test_the_promised_lines_of_python(tmp_path: Path, tiny_market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("LEAKTRACE_KEY_FILE", raising=False)
    (tmp_path / "log").mkdir()
    shutil.copy(next((tiny_market / "accesses").iterdir()), "log/a.parquet")
    shutil.copy(tiny_market / "abuse.mbox", "abuse.mbox")
    (tmp_path / "evidence.csv").write_text(
        "customer,kind,received_at\n1,report,2025-06-01T00:00:00Z\n", encoding="utf-8"
    )
    ws = leaktrace.create("ws")
    ingested = ws.ingest("accesses", ["log/a.parquet"])
    assert isinstance(ingested, leaktrace.IngestReport)
    assert ingested.accepted_count > 0
    received = ws.receive(["abuse.mbox"])
    assert isinstance(received, leaktrace.MailReport)
    assert received.report_count > 0
    for campaign in ws.campaigns():
        assert isinstance(campaign, leaktrace.Campaign)
    finding = ws.trace(campaign)
    assert isinstance(finding, leaktrace.Finding)
    assert ws.trace(campaign.campaign, field="email") == finding
    traced = ws.trace(leaktrace.read_evidence("evidence.csv"))
    assert json.loads(traced.to_json())["schema"] == "leaktrace.finding/1"
    assert leaktrace.read_mail(b"Subject: hello\n\nwords\n").kind == "other"
    with pytest.raises(leaktrace.LeaktraceError, match="read_evidence"):
        ws.trace(Path("evidence.csv"))  # type: ignore[arg-type]
    for empty in ("", [""]):
        with pytest.raises(leaktrace.LeaktraceError, match="A path is empty"):
            ws.ingest("accesses", empty)
    ws.close()
    with leaktrace.open("ws") as again:
        assert again.trace(campaign) == finding
    with pytest.raises(leaktrace.LeaktraceError, match="not an empty folder"):
        leaktrace.create("ws")


def test_python_has_as_attributes_what_the_program_prints(stories: Library, tmp_path: Path) -> None:
    told = stories("twins")
    desk = told.desk.copy_to(tmp_path / "ws")
    with open_workspace(desk.workspace, environment=desk.environment()) as workspace:
        _reads_the_same(workspace.trace(told.campaign), told.finding)
        _reads_the_same(workspace.campaigns(), desk.json("campaigns"))
        _reads_the_same(workspace.stats(), desk.json("ledger", "stats"))
        again = replace(workspace.ingest("sellers", told.market / "sellers.csv"), seconds=0, rows_per_second=0)
        _reads_the_same(again, _second(desk, told.market) | {"seconds": 0, "rows_per_second": 0})
        _reads_the_same(workspace.receive(told.market / "abuse.mbox"), desk.json("mail", told.market / "abuse.mbox"))
        _reads_the_same(workspace.lookups(), desk.json("lookups"))


def _second(desk: Desk, market: Path) -> Any:
    return desk.json("ingest", "sellers", market / "sellers.csv")


def test_paths_may_be_one_or_many_text_or_path_file_or_folder(tmp_path: Path, tiny_market: Path) -> None:
    files = sorted((tiny_market / "accesses").iterdir())
    counts = set()
    ways: list[Any] = [str(tiny_market / "accesses"), tiny_market / "accesses", files, (str(file) for file in files)]
    for number, paths in enumerate(ways):
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        with leaktrace.create(tmp_path / f"ws{number}", environment=environment) as workspace:
            counts.add(workspace.ingest("accesses", paths).accepted_count)
    assert counts == {5000}


# --- exit codes and streams -------------------------------------------------------------------------------


def _only_json(answer: Answer) -> None:
    json.loads(answer.out)
    assert answer.out.lstrip()[0] in "[{"
    assert "Traceback" not in answer.err


def test_stdout_holds_one_document_and_nothing_else(desk: Desk, tmp_path: Path, tiny_market: Path) -> None:
    campaign = desk.main_campaign()
    extra = tmp_path / "extra.csv"
    extra.write_text("principal,shoe_size\nu1,44\n", encoding="utf-8")
    commands: list[list[object]] = [
        ["ingest", "principals", extra],
        ["mail", tiny_market / "abuse.mbox"],
        ["mail", "--inspect", tiny_market / "abuse.mbox"],
        ["campaigns"],
        ["ledger", "stats"],
        ["lookups"],
        ["trace", campaign, "--html", tmp_path / "page.html"],
        ["trace", "c-ffffffff"],
        ["simulate", tmp_path / "market", "--scenario", "unheard-of"],
        ["demo", "--out", tmp_path],
        ["init"],
        ["frobnicate"],
        ["ingest"],
        ["trace", "--frobnicate"],
    ]
    for command in commands:
        _only_json(desk.run(*command, "--json"))


def test_an_ignored_column_is_named_once_beside_the_answer(empty_desk: Desk, tmp_path: Path) -> None:
    extra = tmp_path / "extra.csv"
    extra.write_text("principal,shoe_size\nu1,44\nu2,38\n", encoding="utf-8")
    answer = empty_desk.run("ingest", "principals", extra, "--json")
    assert answer.code == 0
    assert answer.err.count("shoe_size") == 1


def test_exit_codes(empty_desk: Desk, tmp_path: Path, tiny_market: Path) -> None:
    partly = tmp_path / "partly.csv"
    partly.write_text("customer,email\n1,a@b.example\n,c@d.example\n", encoding="utf-8")
    assert empty_desk.run("ingest", "customers", tiny_market / "customers.parquet").code == 0
    assert empty_desk.run("ingest", "customers", partly).code == 3
    assert empty_desk.run("ingest", "customers", tmp_path / "nowhere.csv").code == 2
    assert empty_desk.run("frobnicate").code == 2
    assert empty_desk.run().code == 2
    assert empty_desk.run("--help").code == 0
    assert empty_desk.run("trace").code == 2
    assert empty_desk.run("--version").out.strip() == f"leaktrace {leaktrace.__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("ingest",),
        ("ingest", "tables", "x.csv"),
        ("trace",),
        ("trace", "c-1", "--evidence", "x.csv"),
        ("simulate", "out", "--scenario", "three"),
        ("simulate", "out", "--seed", "first"),
        ("mail", "nowhere.mbox"),
        ("mail", "--inspect", "nowhere.eml"),
        ("init",),
    ],
)
def test_an_error_is_a_message_and_a_hint(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = desk.run(*arguments, "--json").error()
    assert told["message"].endswith(".")
    assert told["hint"].endswith(".") or told["hint"].endswith("--help")
    plain = desk.run(*arguments)
    assert plain.code == 2
    assert plain.out == ""
    assert told["message"] in plain.err


def test_a_reader_who_has_seen_enough_gets_no_traceback(stories: Library) -> None:
    told = stories("one")
    read_end, write_end = os.pipe()
    os.close(read_end)
    ran = subprocess.run(
        [PROGRAM, "-w", told.desk.workspace, "campaigns", "--json"],
        env=told.desk.environment(),
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(write_end)
    assert ran.returncode == 2
    assert ran.stderr == ""


def test_json_is_utf_8_whatever_the_terminal_speaks(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ws", tmp_path / "config")
    name = os.fsdecode(b"\xff-\xe6\xb1\x89.eml")  # one byte that is no text in a name
    (tmp_path / name).write_text("From: kim@customer.example\nSubject: \u6c49\U0001f600\n\nhello\n", encoding="utf-8")
    ran = _in_encoding(desk, "latin-1", "mail", "--inspect", tmp_path / name, "--json")
    (message,) = json.loads(ran.decode("utf-8"))
    assert message["file"] == str(tmp_path / name)
    assert rb"\udcff-\u6c49.eml" in _in_encoding(desk, "ascii", "mail", "--inspect", tmp_path / name)


def _in_encoding(desk: Desk, encoding: str, *arguments: object) -> bytes:
    ran = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env={**desk.environment(), "PYTHONIOENCODING": encoding, "COLUMNS": "400"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# --- again and in another order ---------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_the_same_file_again_changes_nothing(desk: Desk, tiny_market: Path, table: str) -> None:
    before = desk.json("ledger", "stats"), desk.json("campaigns")
    rows = {"accesses": 5000, "customers": 500}.get(table)
    report = desk.json("ingest", table, tiny_market / TABLES[table])
    assert report["accepted_count"] == report["rejected_count"] == 0
    assert report["already_ingested_count"] > 0
    assert rows is None or report["already_ingested_count"] == rows
    assert (desk.json("ledger", "stats"), desk.json("campaigns")) == before


def test_the_same_mail_again_changes_nothing(desk: Desk, tiny_market: Path) -> None:
    before = desk.json("campaigns")
    report = desk.json("mail", tiny_market / "abuse.mbox")
    assert report["duplicate_count"] == report["message_count"] > 0
    assert report["report_count"] == report["unmatched_count"] == 0
    assert report["by_kind"] == {}
    assert desk.json("campaigns") == before


def test_two_identical_rows_are_two_accesses(empty_desk: Desk, tmp_path: Path) -> None:
    row = "2025-01-01T00:00:00Z,u1,c1,email\n"
    log = tmp_path / "log.csv"
    log.write_text(f"at,principal,customer,fields\n{row}{row}", encoding="utf-8")
    assert empty_desk.json("ingest", "accesses", log)["accepted_count"] == 2
    assert empty_desk.json("ledger", "stats")["access_count"] == 2


def test_the_order_of_ingest_does_not_matter(stories: Library, tmp_path: Path) -> None:
    told = stories("one")
    blank = Desk(tmp_path / "blank", tmp_path / "config")
    blank.json("init")
    findings = []
    for number, order in enumerate((list(TABLES), ["accesses", "contacts", "customers", "sellers", "principals"])):
        desk = blank.copy_to(tmp_path / f"ws{number}")  # one id, one key: the draw of controls depends on it
        for table in order[:1]:
            desk.json("ingest", table, told.market / TABLES[table])
        if number:
            desk.json("mail", told.market / "abuse.mbox")
        for table in order[1:]:
            desk.json("ingest", table, told.market / TABLES[table])
        if not number:
            desk.json("mail", told.market / "abuse.mbox")
        findings.append(desk.json("trace", desk.main_campaign()))
    assert findings[0] == findings[1]
    assert findings[0]["outcome"] == "named"


def test_the_same_question_again_gives_the_same_finding(stories: Library) -> None:
    told = stories("one")
    assert told.desk.json("trace", told.campaign) == told.finding


# --- pseudonyms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["one", "twins"])
def test_pseudonyms_show_no_principal_anywhere(stories: Library, tmp_path: Path, scenario: str) -> None:
    told = stories(scenario)
    desk = told.desk.copy_to(tmp_path / "ws")
    some = [line.split(",")[0] for line in (told.market / "principals.csv").read_text().splitlines()[1:5]]
    settings = {"complaint_handlers": some[:2], "checked_bulk_readers": some[2:], "staff_addresses": ["jo@p.example"]}
    (desk.workspace / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    page = tmp_path / "page.html"
    options = ("--pseudonyms", "--candidates", "--html", page)
    as_json = desk.run("trace", told.campaign, "--json", *options)
    screen = desk.run("trace", told.campaign, *options)
    assert as_json.code == screen.code == 0
    staff = (told.market / "principals.csv").read_text(encoding="utf-8").splitlines()[1:]
    names = {line.split(",")[0] for line in staff}
    assert len(names) == 150
    plain = told.desk.run("trace", told.campaign, "--candidates", "--json")
    assert any(name in plain.out for name in names)
    for text in (as_json.out, screen.out, page.read_text(encoding="utf-8")):
        assert not [name for name in {*names, "jo@p.example"} if name in text]
    finding = as_json.document()
    handlers = finding["provenance"]["settings"]["complaint_handlers"]
    assert len(handlers) == 2
    assert all(one.startswith("P-") for one in handlers)
    assert finding["outcome"] == told.finding["outcome"]
    assert len(finding["named"]) == len(told.finding["named"])
    assert [one["probability"] for one in finding["sets"]] == [one["probability"] for one in told.finding["sets"]]


# --- evidence ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evidence_file(stories: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another system knows of the campaign: its reporters, when they got the mail, the seller."""
    truth = stories("one").truth
    rows = [f"{one},report,{truth['mail_at']},{truth['seller']}" for one in truth["reporting_customers"]]
    path = tmp_path_factory.mktemp("evidence") / "evidence.csv"
    path.write_text("\n".join(["customer,kind,received_at,seller", *rows]) + "\n", encoding="utf-8")
    return path


def test_an_evidence_table_alone_finds_the_source(stories: Library, evidence_file: Path) -> None:
    told = stories("one")
    finding = told.desk.json("trace", "--evidence", evidence_file)
    assert finding["named"] == told.truth["sources"]
    assert finding["evidence"]["report_count"] == len(told.truth["reporting_customers"])
    assert not set(finding["named"]) & set(told.truth["handlers"])


def test_ingested_evidence_is_a_campaign_that_gives_the_same_finding(
    stories: Library, evidence_file: Path, tmp_path: Path
) -> None:
    desk = stories("one").desk.copy_to(tmp_path / "ws")
    by_file = desk.json("trace", "--evidence", evidence_file)
    report = desk.json("ingest", "evidence", evidence_file)
    assert set(report) == INGEST | MORE["ingest"]
    assert report["accepted_count"] == 40
    again = desk.json("ingest", "evidence", evidence_file)
    assert (again["accepted_count"], again["already_ingested_count"]) == (0, 40)
    (kept,) = [one for one in desk.json("campaigns") if one["campaign"].startswith("e-")]
    assert kept["report_count"] == 40
    assert desk.json("trace", kept["campaign"]) == by_file


def test_a_bad_row_of_evidence_is_left_out_and_told(desk: Desk, tiny_market: Path, tmp_path: Path) -> None:
    truth = json.loads((tiny_market / "truth.json").read_text(encoding="utf-8"))
    customer = truth["reporting_customers"][0]
    path = tmp_path / "evidence.csv"
    path.write_text(
        f"customer,kind,received_at\n{customer},report,2025-06-01T00:00:00Z\n{customer},report,2025-06-01 00:00:00\n",
        encoding="utf-8",
    )
    traced = desk.run("trace", "--evidence", path, "--json")
    assert traced.code == 3
    assert "row 2 was left out: received_at has no zone" in traced.err
    assert traced.document()["evidence"]["report_count"] == 1
    kept = desk.run("ingest", "evidence", path, "--json")
    assert kept.code == 3
    assert kept.document()["rejected_count"] == 1
    again = desk.run("ingest", "evidence", path, "--json")
    assert again.document()["already_ingested_count"] == 2
    rejects = Path(kept.document()["rejects_file"])
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert json.loads(rejects.read_text(encoding="utf-8")) == {
        "file": "evidence.csv",
        "row": 2,
        "reason": "received_at has no zone",
    }


# --- the look-up log --------------------------------------------------------------------------------------


def test_every_trace_is_one_entry_and_nothing_else_is(desk: Desk, tmp_path: Path) -> None:
    assert desk.json("lookups")["entries"] == []
    campaign = desk.main_campaign()
    desk.json("trace", campaign, "--why", "case 7")
    assert desk.run("trace", "c-00000000").code == 2
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind,received_at\n1,report,2025-06-01T00:00:00Z\n", encoding="utf-8")
    desk.json("trace", "--evidence", evidence, "--why", "case 8")
    entries = desk.json("lookups")["entries"]
    assert [(one["seq"], one["what"], one["why"]) for one in entries] == [
        (1, "trace", "case 7"),
        (2, "trace", "case 8"),
    ]
    assert campaign in entries[0]["subject"]
    assert all(one["who"] and one["at"].endswith("Z") for one in entries)


def _tamper_word(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"case 7", b"case 9"))


def _drop_line(log: Path) -> None:
    log.write_bytes(log.read_bytes().split(b"\n", 1)[1])


def _cut_end(log: Path) -> None:
    log.write_bytes(log.read_bytes().rstrip(b"\n").rsplit(b"\n", 1)[0] + b"\n")


def _lose(log: Path) -> None:
    log.unlink()


@pytest.mark.parametrize("tamper", [_tamper_word, _drop_line, _cut_end, _lose])
def test_a_changed_lookup_log_is_found(desk: Desk, tamper: Any) -> None:
    campaign = desk.main_campaign()
    for why in ("case 7", "case 8"):
        desk.json("trace", campaign, "--why", why)
    log = desk.workspace / "lookups.ndjson"
    assert len(desk.json("lookups")["entries"]) == 2
    tamper(log)
    told = desk.run("lookups", "--json").error()
    assert str(log) in told["message"]
    assert "backup" in told["hint"]


def test_without_a_whole_end_of_the_lookup_log_nothing_is_answered(desk: Desk) -> None:
    campaign = desk.main_campaign()
    desk.json("trace", campaign)
    _lose(desk.workspace / "lookups.ndjson")
    desk.run("trace", campaign, "--json").error()
