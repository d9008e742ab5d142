"""Writes the pages that are made from the code: `python -m docs.make`, which `make docs` runs.

A test compares each of them with what the code says now, so a page that was not made again turns the build red.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import leaktrace
from docs.dutypage import duties_page
from docs.labelspage import labels_page
from docs.picture import flow
from leaktrace.intake.evidence import CEILING_BYTES, CEILING_COLUMNS, CEILING_ROWS, OPTIONAL, REQUIRED
from leaktrace.ledger.schema import INGESTED, Column
from leaktrace.settings import Settings

FOLDER = Path(__file__).parent
MADE = "<!-- Made by `make docs` from the code. Change the code, not this page. -->\n"

_HOLDS = {
    "instant": "time: ISO 8601 with an offset, or a Parquet timestamp with a zone",
    "customer": "customer id: text, or a whole number in Parquet",
    "principal": "principal id: text, or a whole number in Parquet",
    "fields": "field names: `a;b;c`, or a list",
    "words": "words: `a;b;c`, or a list",
    "label": "text, kept as it is",
    "text": "text; an e-mail address in it is replaced by a keyed token",
    "address": "e-mail address; only keyed hashes of it are kept",
}
_TABLE_MEANS = {
    "accesses": "One row each time a principal opened one customer's record. Two identical rows are two accesses.",
    "contacts": "One row for each lawful path by which a seller knows a customer. Give those of all sellers, with\n"
    "products: a list of another's or of a product's customers is then not taken for the leak of who answers for them.",
    "principals": "One row for each account inside. A later row of the same principal replaces the earlier one.",
    "sellers": "One row for each seller. A later row of the same seller replaces the earlier one.",
    "customers": "One row for each customer. A later row of the same customer replaces the earlier one.",
    "known_elsewhere": "A reason why somebody may know a customer's field without us: another breach, a public page.",
}


def pages() -> dict[str, str]:
    """Path below `docs` -> its text, for every page and picture that is made."""
    return {name: make() for name, make in _MAKERS.items()}


def settings_page() -> str:
    """The table of settings."""
    rows = [
        (
            f"`{one.name}`",
            _value(one.default),
            _range(one.metadata["low"], one.metadata["high"]),
            str(one.metadata["help"]),
        )
        for one in dataclasses.fields(Settings)
    ]
    return f"""# Settings

{MADE}
A workspace keeps what differs from these defaults in `settings.json`, one JSON object of name to value, for example
`{{"campaign_margin_days": 21}}`. The unit is in each name. An unknown name or a value out of range is refused. All
values in force, and a digest of them, stand in the `provenance` of each finding.

{_table(("setting", "default", "range", "what it does"), rows)}"""


def tables_page() -> str:
    """The tables that `ingest` takes, column by column."""
    parts = [
        f"""# Tables

{MADE}
The tables that `leaktrace ingest TABLE PATH...` takes. Files are Parquet, CSV with a header, or NDJSON, each also as
`.gz` or `.zst`; see [formats](formats.md). A missing required column refuses the file; a bad value keeps its row aside.
Other columns are ignored and named once.
"""
    ]
    for name, schema in INGESTED.items():
        rows = [(f"`{one.name}`", "yes" if one.required else "", _holds(one)) for one in schema.columns]
        parts.append(f"## {name}\n\n{_TABLE_MEANS[name]}\n\n{_table(('column', 'required', 'holds'), rows)}")
    rows = [(f"`{name}`", "yes" if name in REQUIRED else "", _EVIDENCE_HOLDS[name]) for name in (*REQUIRED, *OPTIONAL)]
    parts.append(
        "## evidence\n\nWhat does not come as mail through us: a list found for sale, decoys, reports that another "
        "system parsed. One file is one campaign, of "
        f"{CEILING_ROWS:,} rows, {CEILING_COLUMNS:,} columns and {CEILING_BYTES // 1_000_000} MB unpacked at most.\n\n"
        + _table(("column", "required", "holds"), rows)
    )
    return "\n".join(parts)


_EVIDENCE_HOLDS = {
    "customer": _HOLDS["customer"],
    "kind": "one of `report`, `listed`, `decoy`",
    "received_at": "time: when the customer got the unwanted mail; for `listed` when the list was first offered; "
    "empty on a decoy that stayed silent",
    "reported_at": "time of the complaint; used where `received_at` is not known",
    "seller": "seller id; used where all rows that name one name the same",
    "grade": "one of `G0`, `G1`, `G2`, `G3`, `G4`; default `G2`",
    "reporter": "any text that says who told; rows with the same one count once",
}


def constants_page() -> str:
    """The fixed numbers of the model, with what their own module says of them."""
    rows = [row for path in sorted(_ATTRIBUTION.glob("*.py")) for row in _constants_of(path)]
    return f"""# The model's fixed numbers

{MADE}
These are part of [the model](model.md) and not settings: findings of one version all stand on the same ones. What may
be set is on the page of [settings](settings.md).

{_table(("number", "value", "module", "what it is"), rows)}"""


_ATTRIBUTION = Path(leaktrace.__file__).parent / "attribution"
_NO_NUMBERS = {"NEVER", "DAY", "CLASSES", "WITH_SOURCE", "WITHOUT_SOURCE"}
_MEANS = {
    "CEILING": "No innocent rate is higher: somebody who was shown nearly everybody still tells a little.",
    "LISTED_BELIEF": "a_i of an entry of a list for sale, at most.",
    "MOST_SOURCES": "So many sources together are weighed at most.",
}


def _constants_of(path: Path) -> list[tuple[str, str, str, str]]:
    found = []
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or not target.id.isupper() or target.id.startswith("_"):
            continue
        if value is None or target.id in _NO_NUMBERS:
            continue
        said = after.value if isinstance(after, ast.Expr) else None
        told = said.value if isinstance(said, ast.Constant) else _MEANS.get(target.id, "")
        text = " ".join(str(told).replace(" (DESIGN 5)", "").split())
        found.append((f"`{target.id}`", f"`{ast.unparse(value)}`", f"`{path.stem}`", text))
    return found


def _holds(column: Column) -> str:
    if column.kind == "choice":
        return "one of " + ", ".join(f"`{choice}`" for choice in column.choices)
    return _HOLDS[column.kind]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    if isinstance(value, bool):
        return f"`{value}`".lower()  # as settings.json writes it
    if value == "":
        return "none"
    return f"`{value}`"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{low} to {high}" if high is not None else f"from {low}"


def commands_page() -> str:
    """Every command's help."""
    import typer

    from leaktrace.cli.app import app

    program: Any = typer.main.get_command(app)
    program.load_all()
    parts = [
        f"""# Commands

{MADE}
`leaktrace --help` and `leaktrace COMMAND --help` say the same. Exit codes: 0 done, 2 bad usage or input, 3 done but for
what is named on screen. With `--json` there is one JSON document on stdout and nothing else; on exit 2 it is
`{{"error": {{"message": ..., "hint": ...}}}}`.

## leaktrace

{program.help}

{_parameters(program)}"""
    ]
    for path, command in _walk(program, ("leaktrace",)):
        arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
        usage = " ".join((path[0], "[-w WORKSPACE]", *path[1:], *arguments, "[OPTIONS]"))
        parts.append(
            f"## {' '.join(path[1:])}\n\n```\n{usage}\n```\n\n{_help_text(command.help)}\n\n{_parameters(command)}"
        )
    return "\n".join(parts)


def _walk(group: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that can be run, with the words that call it."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, command in group.commands.items():
        here = (*path, name)
        is_group = hasattr(command, "commands")
        # A group may be a command of its own, as `campaigns` is.
        found += [(here, command)] if not is_group or command.invoke_without_command else []
        found += _walk(command, here) if is_group else []
    return found


def command_names() -> dict[str, set[str]]:
    """Command words below `leaktrace` -> the options it takes; the empty text stands for the program itself."""
    import typer

    from leaktrace.cli.app import app

    program: Any = typer.main.get_command(app)
    program.load_all()
    always = {"-h", "--help"}
    found = {"": {word for one in program.params for word in one.opts} | always}
    for path, command in _walk(program, ()):
        found[" ".join(path)] = {word for one in command.params for word in one.opts} | always
    return found


def _help_text(text: str | None) -> str:
    """The docstring, its examples as code."""
    lines = []
    for paragraph in (text or "").strip().split("\n\n"):
        words = " ".join(paragraph.split())
        lines.append(f"Example: `{words.removeprefix('Example: ')}`" if words.startswith("Example: ") else words)
    return "\n\n".join(lines)


def _parameters(command: Any) -> str:
    rows = [
        (f"`{_argument(one)}`" if one.param_type_name == "argument" else _option(one), _help_of(one))
        for one in command.params
        if not one.hidden
    ]
    return _table(("argument or option", "what it is"), rows)


def _argument(argument: Any) -> str:
    word = argument.name.upper().removesuffix("S" if argument.nargs == -1 else "")
    several = f"{word}..." if argument.nargs == -1 else word
    return several if argument.required else f"[{several}]"


_VALUE_WORDS = {Path: "PATH", int: "NUMBER", float: "NUMBER", str: "TEXT", list[str]: "TEXT"}


def _option(option: Any) -> str:
    value = "" if option.is_flag else f" {_VALUE_WORDS[option.type_descriptor.annotation]}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def _help_of(parameter: Any) -> str:
    text = " ".join(str(parameter.help or "").split())
    default = parameter.default
    shown = "" if default in (None, "", False) or callable(default) else f" Default: `{default}`."
    variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    return text + shown + variable


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


_MAKERS: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "tables.md": tables_page,
    "constants.md": constants_page,
    "commands.md": commands_page,
    "labels.md": lambda: labels_page(MADE),
    "duties.md": lambda: duties_page(MADE),
    "pictures/flow.svg": lambda: flow("en"),
    "pictures/flow.fa.svg": lambda: flow("fa"),
}


def main() -> None:
    """Writes every page that is made."""
    for name, text in pages().items():
        target = FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
