"""What commands print as JSON is told, key by key, as the records have it; and no command is left out."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docs.make import command_names

from leaktrace import caserecords, cases, records
from leaktrace.casedesk import views as caseviews
from leaktrace.casedesk.desk import SubjectFacts
from leaktrace.casedesk.exposurenumbers import ExposureSummary
from leaktrace.cases.casefile import CaseLine
from leaktrace.cli import case as case_commands
from leaktrace.cli import caseevidence, contain, notify, people, statement
from leaktrace.cli.tables import Made
from leaktrace.cli.upkeep import Released
from leaktrace.lookuplog import LookupEntry, VerifiedLookups
from leaktrace.noticedesk import reports as noticereports
from leaktrace.response.bundle import WrittenBundle
from leaktrace.response.notices import BatchStatus, Left
from leaktrace.response.notices.states import Reconciled
from tests.cases.test_custody_docs import PRINTED

DOCS = Path(__file__).parent.parent / "docs"

# --- from log and mail to a finding -----------------------------------------------------------------------

ANSWERS: dict[str, type] = {
    "init": Made,
    "simulate": records.SimulationTruth,
    "ingest": records.IngestReport,
    "ingest --preview": records.IngestPreview,
    "mail": records.MailReport,
    "campaigns": records.Campaign,
    "campaigns show": records.CampaignDetail,
    "campaigns split": records.CampaignDecision,
    "ledger stats": records.LedgerStats,
    "ledger verify": records.LedgerCheck,
    "ledger compact": records.Compaction,
    "ledger reindex": records.Reindexed,
    "ledger retain": records.Retention,
    "ledger forget": records.Erasure,
    "ledger hold": records.LegalHold,
    "ledger release": Released,
    "ledger acts": records.LedgerActs,
    "link": records.Link,
    "lookup": records.PersonLookup,
    "lookups": VerifiedLookups,
}
"""What each command's `--json` prints; `trace` and `mail --inspect` have tables of their own."""
NESTED: dict[str, tuple[type, ...]] = {
    "campaigns": (records.SellerTerm,),
    "campaigns show": (records.CampaignMember, records.CampaignLikeness),
    "lookups": (LookupEntry,),
    "ledger verify": (records.LedgerProblem,),
    "ledger acts": (records.LegalHold, records.LedgerAct),
    "ingest --preview": (records.PreviewRow, records.PreviewReject),
}
"""Records inside those."""


def fields_of(record: Any) -> set[str]:
    return {one.name for one in dataclasses.fields(record)}


def section_of(page: str, heading: str) -> list[tuple[str, str]]:
    """First two cells of each row of the table below a heading."""
    text = (DOCS / page).read_text(encoding="utf-8").split(heading, 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| (`.*?`) \| (.*?) \|$", text, re.MULTILINE)


def test_what_commands_print_as_json_is_told() -> None:
    told = {
        name: set(re.findall(r"`(\w+)`", keys))
        for names, keys in section_of("formats.md", "## What `--json`")
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert set(told) == {*ANSWERS, "trace", "calibrate", "mail --inspect", "campaigns merge", "campaigns undo"}
    for command, record in ANSWERS.items():
        assert fields_of(record) <= told[command], command
        nested = {name for one in NESTED.get(command, ()) for name in fields_of(one)} | {"json"}
        assert told[command] <= fields_of(record) | nested, command


@pytest.mark.parametrize(
    ("heading", "record"),
    [
        ("### A finding", records.Finding),
        ("### Whether two", records.Link),
        ("### A calibration", records.Calibration),
        ("### One message", records.MessageRecord),
    ],
)
def test_every_key_of_a_document_is_told(heading: str, record: type) -> None:
    told = {word for keys, _ in section_of("formats.md", heading) for word in re.findall(r"`(\w+)`", keys)}
    assert told == fields_of(record)


# --- cases and what follows -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Printed:
    """The records that a row tells: what is printed, and what is inside it and told in the same row."""

    records: tuple[type, ...] = ()
    by_hand: Callable[..., Any] | None = None
    """A command that puts its document together itself."""

    def keys(self) -> set[str]:
        found = {name for one in self.records for name in fields_of(one)}
        return found if self.by_hand is None else found | keys_written_in(self.by_hand)


def keys_written_in(command: Callable[..., Any]) -> set[str]:
    """Keys of the dicts that a function spells out."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(command)))
    written = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return {str(key.value) for key in written if isinstance(key, ast.Constant)}


def of(*found: type) -> Printed:
    return Printed(found)


CASES: dict[str, Printed] = {
    **dict.fromkeys(
        ("people add", "people change", "people rotate-key", "people replace-key"), of(caseviews.PersonView)
    ),
    "people list": of(),
    "people key": of(people.KeyMade),
    "people password": of(people.PasswordKept),
    **dict.fromkeys(("case open", "case show"), of(caseviews.CaseView)),
    "case list": of(CaseLine),
    **dict.fromkeys(
        (f"case {name}" for name in ("timeline", "note", "admit", "lockout", "subject", "finding", "close", "reopen")),
        of(),
    ),
    "case checks": Printed(
        (cases.CheckLine, cases.Check, caserecords.CheckAnswered, SubjectFacts, cases.HabitFact), case_commands.checks
    ),
    "case exposure": Printed((ExposureSummary,), caseevidence.exposure),
    "case exposure --rows": of(caserecords.ExposureList, caserecords.ExposureRow),
    "case exhibits": of(caserecords.ExhibitStored),
    "case exhibit": Printed((), caseevidence.exhibit),
    "case hold": Printed((), case_commands.hold),
    **dict.fromkeys(("case request", "case approvals", "case approve", "case refuse"), of()),
    "case unmask": of(cases.Opened),
    "contain": of(contain.Asked),
    "contain --plan": of(caserecords.ContainmentPlan, caserecords.PlannedStep, caserecords.SellerTie),
    "contain --approval": of(caserecords.ContainmentOutcome, caserecords.SystemOutcome),
    "duties": of(caserecords.DutyAssessment),
    **dict.fromkeys(
        ("statement draft", "statement show", "statement publish"),
        of(caserecords.StatementState, caserecords.StatementDraft, caserecords.StatementSentence),
    ),
    "statement gate": of(caserecords.GateVerdict, caserecords.GateCondition),
    "statement request": Printed((), statement.request_publication),
    "notify plan": of(noticereports.PlanReport),
    "notify templates": of(noticereports.TemplateInfo),
    "notify approve-translation": of(noticereports.TranslationDone),
    "notify preview": of(noticereports.Preview),
    "notify send": of(noticereports.SendReport),
    "notify status": of(BatchStatus, Reconciled),
    "notify left": of(Left),
    "notify bounces": of(noticereports.BounceReport),
    "notify stop": of(notify.Stopped),
    "bundle": of(WrittenBundle),
}
"""What commands print that work on cases; the parts of it that have a row of their own are in `PARTS`."""
PARTS: dict[str, type] = {
    "request": caseviews.RequestView,
    "event": caseviews.EventView,
    "subjects": caserecords.SubjectSet,
    "finding": caserecords.FindingAttached,
    "exposure": caserecords.ExposureFrozen,
    "duties of a case": caserecords.DutiesAssessed,
    "contained": caserecords.ContainmentConfirmed,
    "notices": caserecords.NoticesReconciled,
    "gate": caserecords.GateAnswered,
    "statement of a case": caserecords.StatementDrafted,
    "duty": caserecords.Duty,
    "residence without a rule": caserecords.WithoutRule,
    "fact used": caserecords.FactUsed,
    "deadline": caserecords.Deadline,
    "statement of reasons": caserecords.StatementOfReasons,
}


def test_every_key_of_what_cases_print_is_told() -> None:
    told = {
        command: set(re.findall(r"`(\w+)`", keys))
        for commands, keys in rows_of("formats.md", "### People, cases")
        for command in re.findall(r"`([^`]+)`", commands)
    }
    assert set(told) == set(CASES)
    for command, printed in CASES.items():
        assert told[command] == printed.keys(), command


def test_every_part_is_told() -> None:
    told = {part: set(re.findall(r"`(\w+)`", keys)) for part, keys in rows_of("formats.md", "### Parts of these")}
    assert set(told) == set(PARTS)
    for part, record in PARTS.items():
        assert told[part] == fields_of(record), part


def rows_of(page: str, heading: str) -> list[tuple[str, str]]:
    """The two cells of each row of the table below a heading, but for its head."""
    text = (DOCS / page).read_text(encoding="utf-8").split(heading, 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| (.*?) \| (.*) \|$", text.split("|---|---|", 1)[1], re.MULTILINE)


def test_no_command_that_answers_in_json_is_left_out() -> None:
    answering = {name for name, options in command_names().items() if "--json" in options}
    own_pages = {name for page in PRINTED.values() for row in page for name in re.findall(r"`([^`]+)`", row)}
    told = {*ANSWERS, *CASES, *own_pages, "trace", "calibrate", "campaigns merge", "campaigns undo"}
    assert answering - told == {"demo"}, "the demo prints the finding"


def test_a_key_that_is_missing_would_be_noticed() -> None:
    assert keys_written_in(case_commands.hold) == {"case", "held", "hold_count"}
    assert Printed((caserecords.GateAnswered,)).keys() == {"gate", "answer", "reason"}
