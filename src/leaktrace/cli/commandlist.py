"""Which commands there are, in one line each, and which modules have them: `--help` and `--version` load none of these.

The libraries behind the commands (Arrow, DuckDB, Numba, SciPy) take longer to load than most commands to run, so a
command's module is loaded when that command is called. A test compares the lines with what the modules say.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Family:
    """Modules that belong together, and their commands: name -> the first paragraph of its help."""

    modules: tuple[str, ...]
    commands: Mapping[str, str]


FAMILIES = (
    Family(
        ("tables", "upkeep"),
        {
            "init": "Make a workspace and its key file.",
            "ingest": "Read a table into the ledger. Bad rows are kept aside; the same file again changes nothing.",
        },
    ),
    Family(
        ("mail",),
        {"mail": "Store the mail of an abuse mailbox and find the reports in it. A message seen twice is one message."},
    ),
    Family(
        ("trace",),
        {
            "trace": "Say who inside gave the addresses of a campaign away, or that nobody did, or why that cannot be "
            "said."
        },
    ),
    Family(("calibrate",), {"calibrate": "Measure on your own log how often `trace` names rightly and wrongly."}),
    Family(
        ("link",),
        {
            "link": "Say whether two campaigns are one incident: sources, sellers, senders and customers shared beyond "
            "chance."
        },
    ),
    Family(
        ("demo",),
        {
            "simulate": "Write a marketplace with a known truth: tables, an abuse mailbox and truth.json.",
            "demo": "Simulate a leak, find its source, and do what follows: contain, tell, hand over; then compare "
            "with the truth.",
        },
    ),
    Family(
        ("lookups",),
        {
            "lookup": "Say for how many customers a principal was shown which fields. Every look-up is logged first.",
            "lookups": "Check the look-up log and show its entries: who looked, when, what for.",
        },
    ),
    Family(
        ("contain",),
        {"contain": "Plan, ask for, or carry out stopping a principal or a seller, and read back what came of it."},
    ),
    Family(
        ("duties",),
        {"duties": "Say which law asks what, by when, and what a human has to decide. This is no legal advice."},
    ),
    Family(
        ("bundle",),
        {
            "bundle": "Write the evidence of a case for the police: exhibits, finding, custody log with proofs, two "
            "verifiers."
        },
    ),
    Family(("tables", "upkeep"), {"ledger": "What the ledger holds, and its upkeep."}),
    Family(("campaigns",), {"campaigns": "List the campaigns that the reports belong to, most reports first."}),
    Family(("people",), {"people": "Who works with cases: names, roles, keys. An admin enrols."}),
    Family(
        ("case", "caseevidence", "caseapprovals"),
        {"case": "Cases: what was done about a leak, by whom; nothing is ever removed."},
    ),
    Family(("custody",), {"custody": "The custody log: check it, prove from it, have it witnessed."}),
    Family(("statement",), {"statement": "The public statement, and the gate before it."}),
    Family(("keys",), {"keys": "The workspace key: state, back-up, rotation, restoring."}),
    Family(("notify",), {"notify": "Tell the people affected: plan, approve, send, reconcile."}),
)
"""In the order in which `--help` lists them."""
_FAMILY_OF = {name: family for family in FAMILIES for name in family.commands}


class CommandList(TyperGroup):
    """The program: lists every command, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._is_listing = False
        self.commands = {
            name: TyperCommand(name, help=line) for family in FAMILIES for name, line in family.commands.items()
        }

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; while help is written, only its line."""
        family = _FAMILY_OF.get(cmd_name)
        if family is None or self._is_listing:
            return super().get_command(ctx, cmd_name)
        return _loaded(family.modules)[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of the program, from the lines above."""
        self._is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_listing = False

    def load_all(self) -> None:
        """Puts every command itself into `commands`: for whoever writes about all of them."""
        self.commands = {name: _loaded(family.modules)[name] for name, family in _FAMILY_OF.items()}


@cache
def _loaded(modules: tuple[str, ...]) -> Mapping[str, Any]:
    """Name -> command of these modules; made once, for some add to groups that others made."""
    app = typer.Typer()
    app.callback()(_nothing)
    for name in modules:
        importlib.import_module(f"leaktrace.cli.{name}").register(app)
    group: Any = typer.main.get_command(app)
    commands: Mapping[str, Any] = group.commands
    return commands


def _nothing() -> None:
    """With a callback, Typer makes a group even of a single command."""
