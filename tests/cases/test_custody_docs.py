"""The pages on the custody log and on keys name every key that their commands print, and no other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from leaktrace import keykeeping
from leaktrace.casedesk import custody
from leaktrace.cases.custody.checkpoints import Cosigned
from leaktrace.cli import custody as commands
from leaktrace.cli.keys import RotatedKey

DOCS = Path(__file__).parents[2] / "docs"
PRINTED: dict[str, dict[str, tuple[type, ...]]] = {
    "custody.md": {
        "`custody verify`": (custody.CustodyCheck, Cosigned),
        "`custody verify --folder` and `--proof`": (commands.VerifiedFolder, Cosigned),
        "`custody checkpoint`": (custody.CheckpointMade,),
        "`custody checkpoint --request`": (commands.WitnessRequested,),
        "`custody witness`": (commands.WitnessSaid,),
        "`custody witness-key`": (commands.WitnessKeyMade,),
        "`custody cosigned`": (commands.CosignatureTaken,),
        "`custody timestamp` (`custody timestamps`: a list)": (custody.TimestampMade,),
        "`custody proof`": (commands.Proven,),
        "`custody export`": (commands.Exported,),
    },
    "keys.md": {
        "`keys status`": (keykeeping.KeyStatus,),
        "`keys backup`": (keykeeping.BackedUp,),
        "`keys rotate`": (RotatedKey, keykeeping.Rotated),
        "`keys restore`": (keykeeping.Restored,),
    },
}
VALUES = {"timestamped", "inconclusive"}


@pytest.mark.parametrize("page", PRINTED)
def test_every_key_that_is_printed_is_told(page: str) -> None:
    table = (DOCS / page).read_text(encoding="utf-8").split("## What `--json` prints")[1]
    told = {
        name: set(re.findall(r"`(\w+)`", keys)) - VALUES
        for name, keys in re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.M)
    }
    assert told == {
        command: {one.name for record in records for one in dataclasses.fields(record)}
        for command, records in PRINTED[page].items()
    }
