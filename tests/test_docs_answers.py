"""What commands on cases print as JSON is told, key by key, as the records have it; and no command is left out."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from docs.make import command_names

from leaktrace import caserecords, cases, caseviews, custody, keykeeping, noticereports
from leaktrace.casedesk import ExposureSummary, SubjectFacts
from leaktrace.cases.casefile import CaseLine
from leaktrace.cases.custody.checkpoints import Cosigned
from leaktrace.cli import case as case_commands
from leaktrace.cli import contain, notify, people, statement
from leaktrace.cli import custody as custody_commands
from leaktrace.cli import keys as keys_commands
from leaktrace.response.bundle import WrittenBundle
from leaktrace.response.notices import BatchStatus, Left
from leaktrace.response.notices.states import Reconciled
from tests.test_docs import ANSWERS, DOCS, fields_of


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
    "case exposure": Printed((ExposureSummary,), case_commands.exposure),
    "case exposure --rows": of(caserecords.ExposureList, caserecords.ExposureRow),
    "case exhibits": of(caserecords.ExhibitStored),
    "case exhibit": Printed((), case_commands.exhibit),
    "case hold": Printed((), case_commands.hold),
    **dict.fromkeys(("case request", "case approvals", "case approve", "case refuse"), of()),
    "case unmask": of(cases.Opened),
    "contain": of(contain.Asked),
    "contain --plan": of(caserecords.ContainmentPlan, caserecords.PlannedStep),
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
    "fact used": caserecords.FactUsed,
    "deadline": caserecords.Deadline,
    "statement of reasons": caserecords.StatementOfReasons,
}
CUSTODY: dict[str, Printed] = {
    "custody verify": of(custody.CustodyCheck, Cosigned),
    **dict.fromkeys(("custody verify --folder", "--proof"), of(custody_commands.VerifiedFolder, Cosigned)),
    "custody checkpoint": of(custody.CheckpointMade),
    "custody checkpoint --request": of(custody_commands.WitnessRequested),
    "custody witness": of(custody_commands.WitnessSaid),
    "custody witness-key": of(custody_commands.WitnessKeyMade),
    "custody cosigned": of(custody_commands.CosignatureTaken),
    **dict.fromkeys(("custody timestamp", "custody timestamps"), of(custody.TimestampMade)),
    "custody proof": of(custody_commands.Proven),
    "custody export": of(custody_commands.Exported),
}
KEYS: dict[str, Printed] = {
    "keys status": of(keykeeping.KeyStatus),
    "keys backup": of(keykeeping.BackedUp),
    "keys rotate": of(keys_commands.RotatedKey, keykeeping.Rotated),
    "keys restore": of(keykeeping.Restored),
}
TABLES = {
    ("formats.md", "### People, cases"): CASES,
    ("custody.md", "## What `--json` prints"): CUSTODY,
    ("keys.md", "## What `--json` prints"): KEYS,
}
_CLOSED_WORDS = {"timestamped", "inconclusive"}
"""Values that a table spells out in backticks beside their key."""


@pytest.mark.parametrize(("page", "heading"), TABLES)
def test_every_key_is_told(page: str, heading: str) -> None:
    expected = TABLES[page, heading]
    told = {
        command: set(re.findall(r"`(\w+)`", keys)) - _CLOSED_WORDS
        for commands, keys in rows_of(page, heading)
        for command in re.findall(r"`([^`]+)`", commands)
    }
    assert set(told) == set(expected)
    for command, printed in expected.items():
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
    told = {*ANSWERS, *CASES, *CUSTODY, *KEYS, "trace", "calibrate", "campaigns merge", "campaigns undo"}
    assert answering - told == {"demo"}, "the demo prints the finding"


def test_a_key_that_is_missing_would_be_noticed() -> None:
    assert keys_written_in(case_commands.hold) == {"case", "held", "hold_count"}
    assert Printed((caserecords.GateAnswered,)).keys() == {"gate", "answer", "reason"}
